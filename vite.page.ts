import { copyFile, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import react from '@vitejs/plugin-react'
import type { InlineConfig, Plugin, UserConfig } from 'vite'
import { type ManifestOptions, VitePWA } from 'vite-plugin-pwa'

const at = (path: string) => join(import.meta.dirname, path)

/** The oldest browsers that the pages work in (src/web/README.md); src/web/shared/floor.js tells the others. */
const FLOOR = ['chrome99', 'edge99', 'firefox115', 'safari15.4']

/**
 * How a page is built: to dist/web under its name, from where the Worker serves it (wrangler.toml).
 *
 * @param name of its folder in src/web, and in its path
 */
export function pageConfig(name: 'pos' | 'wallet', manifest: Partial<ManifestOptions>): UserConfig {
  return {
    root: at(`src/web/${name}`),
    base: `/${name}/`,
    // One script: all of it must be on the phone before the network goes.
    build: {
      target: FLOOR,
      outDir: at(`dist/web/${name}`),
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
        // Registered by src/web/shared/service-worker.ts: a new version asks before it takes over.
        injectRegister: false,
        manifest,
        // The manifest and its icons are added by the plugin.
        injectManifest: { globPatterns: ['**/*.{html,js,css}', 'apple-touch-icon.png'] },
        integration: { configureCustomSWViteBuild: quietly },
      }),
      floor(`/${name}/`),
      headers(),
    ],
  }
}

/** What every browser understands stands beside the page as it is, and is run before the page's own script. */
function floor(base: string): Plugin {
  return {
    name: 'molam-floor',
    apply: 'build',
    async generateBundle() {
      const source = await readFile(at('src/web/shared/floor.js'), 'utf8')
      this.emitFile({ type: 'asset', fileName: 'floor.js', source })
    },
    transformIndexHtml: () => [{ tag: 'script', attrs: { src: `${base}floor.js` }, injectTo: 'body' }],
  }
}

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
