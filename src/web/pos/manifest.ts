import type { ManifestOptions } from 'vite-plugin-pwa'

/** What a phone needs to know to install the page (W3C Web Application Manifest). */
export const manifest: Partial<ManifestOptions> = {
  id: '/pos/',
  name: 'Molam Caisse',
  short_name: 'Caisse',
  description: 'Encaisser avec ou sans réseau.',
  lang: 'fr',
  dir: 'ltr',
  start_url: '/pos/',
  scope: '/pos/',
  display: 'standalone',
  orientation: 'any',
  background_color: '#f6f4ee',
  theme_color: '#0b5d45',
  categories: ['finance', 'business'],
  icons: [
    { src: 'icon.svg', sizes: 'any', type: 'image/svg+xml', purpose: 'any' },
    { src: 'icon-192.png', sizes: '192x192', type: 'image/png', purpose: 'any' },
    { src: 'icon-512.png', sizes: '512x512', type: 'image/png', purpose: 'any' },
    { src: 'icon-maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
  ],
}
