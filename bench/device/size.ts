import { gzipSync } from 'node:zlib'
import { bundled } from '../../test/kit/bundled.ts'
import { round } from '../edge/stats.ts'
import type { Row } from './report.ts'

/** What an app downloads, minified and gzipped, when it uses all that an entry of the package exports. */
const CORE_KB_MAX = 52
const root = new URL('../..', import.meta.url).pathname

export async function measureSize(): Promise<readonly Row[]> {
  const kilobytes = async (...entries: readonly string[]) => {
    const { code } = await bundled(entries.map((entry) => `export * from '${root}src/${entry}'`).join('\n'))
    return round(gzipSync(code, { level: 9 }).length / 1024, 1)
  }
  const core = await kilobytes('device/sdk/index.ts')
  const noble = await kilobytes('device/sdk/noble.ts')
  const withNoble = await kilobytes('device/sdk/index.ts', 'device/sdk/noble.ts')
  const inBrowsers = await kilobytes('device/sdk/index.ts', 'device/browser/index.ts')
  return [
    {
      figure: 'SDK with its cryptography (WebCrypto), min + gzip',
      target: `≤ ${CORE_KB_MAX} KB`,
      value: `${core} KB`,
      met: core <= CORE_KB_MAX,
      beside: `${inBrowsers} KB with IndexedDB, keys and tabs`,
      numbers: { coreKb: core, withBrowserKb: inBrowsers },
    },
    {
      figure: 'the noble entry, for runtimes without WebCrypto',
      value: `${noble} KB`,
      beside: `${withNoble} KB together with the SDK`,
      numbers: { nobleKb: noble, withCoreKb: withNoble },
    },
  ]
}
