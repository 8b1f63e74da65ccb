import { writeFile } from 'node:fs/promises'
import { bundle } from 'lightningcss'
import { defineConfig } from 'tsdown'

/** The package that apps install, `@molam/offline`: ESM and types in dist/package, one entry for each of `exports`. */
export default defineConfig({
  entry: {
    sdk: 'src/sdk/index.ts',
    noble: 'src/sdk/noble.ts',
    browser: 'src/sdk-browser/index.ts',
    qr: 'src/qr/index.ts',
    relay: 'src/relay/index.ts',
    ui: 'src/ui/index.ts',
  },
  outDir: 'dist/package',
  platform: 'neutral',
  dts: true,
  hooks: { 'build:done': () => writeFile('dist/package/style.css', bundle({ filename: 'src/ui/style.css' }).code) },
})
