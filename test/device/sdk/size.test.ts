import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { bundled } from '../../kit/bundled.ts'

/** What an app downloads: sizes of bundles are the same on every machine. */
const root = new URL('../../..', import.meta.url).pathname
const CORE = `${root}src/device/sdk/index.ts`

/** @returns bytes of a minified program, gzipped */
async function gzipped(program: string): Promise<{ bytes: number; modules: readonly string[] }> {
  const { code, modules } = await bundled(program)
  return { bytes: gzipSync(code, { level: 9 }).length, modules }
}

it('the whole SDK with its cryptography is at most 52 KB, without noble', async () => {
  const { bytes, modules } = await gzipped(`export * from '${CORE}'`)
  console.log(`SDK core: ${bytes} bytes gzipped`)
  expect(bytes).toBeGreaterThan(10_000)
  expect(bytes).toBeLessThanOrEqual(52 * 1024)
  expect(modules.filter((id) => /noble/.test(id))).toEqual([])
})

it('who imports one error class gets little more than that', async () => {
  const { bytes } = await gzipped(`export { OfflineError } from '${CORE}'`)
  console.log(`OfflineError alone: ${bytes} bytes gzipped`)
  expect(bytes).toBeLessThan(4 * 1024)
})
