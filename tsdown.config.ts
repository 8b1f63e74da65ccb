import { writeFile } from 'node:fs/promises'
import { bundle } from 'lightningcss'
import { defineConfig } from 'tsdown'
import root from './package.json' with { type: 'json' }

const OUT = 'dist/package'
const ENTRIES = {
  sdk: 'src/device/sdk/index.ts',
  noble: 'src/device/sdk/noble.ts',
  browser: 'src/device/browser/index.ts',
  qr: 'src/device/qr/index.ts',
  relay: 'src/device/relay/index.ts',
  simulation: 'src/device/simulation/index.ts',
  ui: 'src/ui/index.ts',
}
/** The app has its own, and one only: two would not see each other's hooks. */
const PEERS = { react: '^19.0.0' }

/** The package that apps install, `@molam/offline`: ESM and types, and a package.json that asks for what it imports. */
export default defineConfig({
  entry: ENTRIES,
  outDir: OUT,
  platform: 'neutral',
  dts: { tsconfig: 'tsconfig.package.json' },
  hooks: {
    'build:done': async ({ chunks }) => {
      const imported = chunks.flatMap((chunk) => (chunk.type === 'chunk' ? chunk.imports : []))
      await writeFile(`${OUT}/style.css`, bundle({ filename: 'src/ui/style.css' }).code)
      await writeFile(`${OUT}/package.json`, `${JSON.stringify(manifest(imported), undefined, 2)}\n`)
    },
  },
})

function manifest(imported: readonly string[]) {
  const { version, description, license } = root
  const all = Object.entries(root.dependencies).filter(([name]) =>
    imported.some((id) => id === name || id.startsWith(`${name}/`)),
  )
  return {
    name: '@molam/offline',
    version,
    description,
    license,
    type: 'module',
    sideEffects: ['**/*.css'],
    exports: {
      ...Object.fromEntries(
        Object.keys(ENTRIES).map((name) => [`./${name}`, { types: `./${name}.d.ts`, default: `./${name}.js` }]),
      ),
      './ui/style.css': './style.css',
    },
    dependencies: Object.fromEntries(all.filter(([name]) => !(name in PEERS))),
    peerDependencies: PEERS,
    // Whoever does not use `./ui` needs none.
    peerDependenciesMeta: Object.fromEntries(Object.keys(PEERS).map((name) => [name, { optional: true }])),
  }
}
