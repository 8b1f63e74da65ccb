import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, it } from 'vitest'

/**
 * The package that apps install, built as `npm run build:sdk` builds it, in an app that has nothing else installed but what
 * the package asks for. Where an entry imports more, it does not load and does not compile here.
 */
const root = join(import.meta.dirname, '../..')
const built = join(root, 'dist/package')
const run = async (command: string, args: readonly string[], cwd: string) =>
  (await promisify(execFile)(join(root, 'node_modules/.bin', command), args, { cwd })).stdout

interface Manifest {
  readonly exports: Record<string, string | Record<string, string>>
  readonly dependencies: Record<string, string>
  readonly peerDependencies: Record<string, string>
}
let app: string
let manifest: Manifest

beforeAll(async () => {
  await run('tsdown', ['--log-level', 'error'], root)
  manifest = JSON.parse(await readFile(join(built, 'package.json'), 'utf8')) as Manifest
  app = await mkdtemp(join(tmpdir(), 'molam-app-'))
  await cp(join(import.meta.dirname, 'app'), app, { recursive: true })
  // A copy, so that what it imports is looked for in the app and not in this repository.
  await cp(built, join(app, 'node_modules/@molam/offline'), { recursive: true })
  const asked = [...Object.keys(manifest.dependencies), ...Object.keys(manifest.peerDependencies)]
  for (const name of [...asked, '@types/react']) await link(name)
})
afterAll(() => rm(app, { recursive: true, force: true }))

async function link(name: string): Promise<void> {
  const to = join(app, 'node_modules', name)
  await mkdir(dirname(to), { recursive: true })
  await symlink(join(root, 'node_modules', name), to)
}

it('holds every file that it exports', () => {
  const files = Object.values(manifest.exports).flatMap((entry) =>
    typeof entry === 'string' ? [entry] : Object.values(entry),
  )
  expect(files).toHaveLength(15)
  expect(files.filter((file) => !existsSync(join(built, file)))).toEqual([])
})

it('installs nothing of the server’s, and leaves React to the app', () => {
  expect(Object.keys(manifest.dependencies).sort()).toEqual([
    '@noble/ciphers',
    '@noble/curves',
    '@noble/hashes',
    '@panva/hpke-noble',
    'hpke',
    'idb',
    'qr',
  ])
  expect(manifest.peerDependencies).toEqual({ react: '^19.0.0' })
})

it('has the components’ looks in one stylesheet, which needs no other file', async () => {
  const css = await readFile(join(built, 'style.css'), 'utf8')
  expect(css).not.toMatch(/@import|url\(/)
  for (const part of ['--molam-surface', '.molam-banner', '.molam-row', '.molam-qr']) expect(css).toContain(part)
})

it('type-checks what a developer writes with it, and the examples of the READMEs', async () => {
  const examples = (await Promise.all(['README.md', 'src/device/sdk/README.md'].map(examplesOf))).flat()
  expect(examples).toHaveLength(3)
  for (const [n, example] of examples.entries()) await writeFile(join(app, `example-${n}.ts`), example)
  expect(await run('tsc', ['-p', '.'], app).catch(({ stdout }) => stdout as string)).toBe('')
})

/** The programs of a document: what imports the package stands for itself. */
async function examplesOf(document: string): Promise<readonly string[]> {
  const text = await readFile(join(root, document), 'utf8')
  const blocks = [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, block = '']) => block)
  return blocks.filter((block) => block.includes("from '@molam/offline/"))
}

it('loads without a bundler, and its entries share one OfflineError', async () => {
  const program = `
    const [sdk, noble, qr, relay, simulation] = await Promise.all(
      ['sdk', 'noble', 'qr', 'relay', 'simulation'].map((entry) => import('@molam/offline/' + entry)),
    )
    const random = (length) => crypto.getRandomValues(new Uint8Array(length))
    const carrier = new relay.BundleCarrier({
      apiUrl: 'https://edge.test', storage: sdk.memoryStorage(), suite: noble.nobleSuite(random),
      fetch: async () => { throw new TypeError('no network') },
    })
    const options = {
      apiUrl: 'https://edge.test', deviceId: 'POS-1', storage: sdk.memoryStorage(), atRest: 'none',
    }
    const device = new sdk.OfflineSDK({ ...options, ...simulation.simulated({ mode: 'offline' }, options) })
    const error = await device.createOfflineTransaction({}).catch((error) => error)
    const [part] = qr.generateOfflineQR(new Uint8Array([1, 2, 3])).parts
    console.log(JSON.stringify({
      code: error instanceof sdk.OfflineError && error.code,
      waiting: (await carrier.pushCarried()).waiting,
      read: qr.parseOfflineQR([part]).bundle.length,
    }))`
  const said = await run('node', ['--input-type=module', '-e', program], app)
  expect(JSON.parse(said)).toEqual({ code: 'not_ready', waiting: 0, read: 3 })
})
