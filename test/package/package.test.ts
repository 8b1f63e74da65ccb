import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, expect, it } from 'vitest'
import pkg from '../../package.json' with { type: 'json' }

/** The package that apps install, built as `npm run build:sdk` builds it, and used by its own name. */
const root = join(import.meta.dirname, '../..')
const run = async (command: string, ...args: string[]) =>
  (await promisify(execFile)(join(root, 'node_modules/.bin', command), args, { cwd: root })).stdout

beforeAll(() => run('tsdown', '--log-level', 'error'))

it('holds every file that it exports', () => {
  const files = Object.values(pkg.exports).flatMap((entry) =>
    typeof entry === 'string' ? [entry] : Object.values(entry),
  )
  expect(files.length).toBeGreaterThan(12)
  expect(files.filter((file) => !existsSync(join(root, file)))).toEqual([])
})

it('has the components’ looks in one stylesheet, which needs no other file', () => {
  const css = readFileSync(join(root, pkg.exports['./ui/style.css']), 'utf8')
  expect(css).not.toMatch(/@import|url\(/)
  for (const part of ['--molam-surface', '.molam-banner', '.molam-row', '.molam-qr']) expect(css).toContain(part)
})

it('type-checks what a developer writes with it', async () => {
  expect(await run('tsc', '-p', 'test/package')).toBe('')
})

it('loads without a bundler, and its entries share one OfflineError', async () => {
  const program = `
    const [sdk, noble, qr, relay] = await Promise.all(
      ['sdk', 'noble', 'qr', 'relay'].map((entry) => import('@molam/offline/' + entry)),
    )
    const random = (length) => crypto.getRandomValues(new Uint8Array(length))
    const carrier = new relay.BundleCarrier({
      apiUrl: 'https://edge.test', storage: sdk.memoryStorage(), suite: noble.nobleSuite(random),
      fetch: async () => { throw new TypeError('no network') },
    })
    const device = new sdk.OfflineSDK({ apiUrl: 'https://edge.test', deviceId: 'POS-1', storage: sdk.memoryStorage() })
    const error = await device.createOfflineTransaction({}).catch((error) => error)
    const [part] = qr.generateOfflineQR(new Uint8Array([1, 2, 3])).parts
    console.log(JSON.stringify({
      code: error instanceof sdk.OfflineError && error.code,
      waiting: (await carrier.pushCarried()).waiting,
      read: qr.parseOfflineQR([part]).bundle.length,
    }))`
  const said = await run('node', '--input-type=module', '-e', program)
  expect(JSON.parse(said)).toEqual({ code: 'not_ready', waiting: 0, read: 3 })
})
