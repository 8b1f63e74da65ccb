import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import { defineConfig, type InlineConfig, type Plugin } from 'vite'
import { VitePWA } from 'vite-plugin-pwa'
import { manifest } from './src/web/pos/manifest.ts'

const at = (path: string) => join(import.meta.dirname, path)

/** The oldest browsers that the pages work in (src/web/README.md); src/web/pos/public/floor.js tells the others. */
const FLOOR = ['chrome99', 'edge99', 'firefox115', 'safari15.4']

/** The merchant's page: `npm run build:pos` writes it to dist/web/pos, from where the Worker serves it (wrangler.toml). */
export default defineConfig({
  root: at('src/web/pos'),
  base: '/pos/',
  // One script: all of it must be on the phone before the network goes.
  build: {
    target: FLOOR,
    outDir: at('dist/web/pos'),
    emptyOutDir: true,
    assetsInlineLimit: 0,
    chunkSizeWarningLimit: 800,
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  plugins: [
    react(),
    VitePWA({
      strategies: 'injectManifest',
      srcDir: '.',
      filename: 'sw.ts',
      // Registered by service-worker.ts: a new version asks before it takes over.
      injectRegister: false,
      manifest,
      // The manifest and its icons are added by the plugin.
      injectManifest: { globPatterns: ['**/*.{html,js,css}', 'apple-touch-icon.png'] },
      integration: { configureCustomSWViteBuild: quietly },
    }),
    headers(),
  ],
})

/** The headers of all pages stand at the root of what is served. */
function headers(): Plugin {
  return {
    name: 'molam-headers',
    apply: 'build',
    writeBundle: () => copyFile(at('src/web/_headers'), at('dist/web/_headers')),
  }
}

/** The plugin builds the service worker with Vite's defaults, and with an option that Vite 8 has under another name. */
function quietly(config: InlineConfig): void {
  config.logLevel = 'warn'
  config.build = { ...config.build, target: FLOOR }
  const { output } = config.build?.rollupOptions ?? {}
  if (output === undefined || Array.isArray(output)) return
  delete output.inlineDynamicImports
  output.codeSplitting = false
}
