import type { ManifestOptions } from 'vite-plugin-pwa'

interface Named {
  /** Path of the page. */
  readonly base: string
  readonly name: string
  readonly shortName: string
  readonly description: string
  readonly categories: string[]
}

/** What a phone needs to know to install a page (W3C Web Application Manifest). */
export function manifestOf({ base, name, shortName, description, categories }: Named): Partial<ManifestOptions> {
  return {
    id: base,
    name,
    short_name: shortName,
    description,
    lang: 'fr',
    dir: 'ltr',
    start_url: base,
    scope: base,
    display: 'standalone',
    orientation: 'any',
    background_color: '#f6f4ee',
    theme_color: '#0b5d45',
    categories,
    icons: [
      { src: 'icon.svg', sizes: 'any', type: 'image/svg+xml', purpose: 'any' },
      { src: 'icon-192.png', sizes: '192x192', type: 'image/png', purpose: 'any' },
      { src: 'icon-512.png', sizes: '512x512', type: 'image/png', purpose: 'any' },
      { src: 'icon-maskable-512.png', sizes: '512x512', type: 'image/png', purpose: 'maskable' },
    ],
  }
}
