import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { beforeAll, expect, it } from 'vitest'
import { buildPages } from '../../dev/pages.ts'

/** Bytes that a phone fetches before the page is shown: on a network of 100 kbit/s a quarter of a minute. What they are today, a little above. */
const FIRST_LOAD_MAX = 210_000
const WEB = join(import.meta.dirname, '../../dist/web')

beforeAll(() => buildPages(), 300_000)

it.each(['pos', 'wallet'])('the first load of %s is small enough for a slow network', (page) => {
  const dir = join(WEB, page)
  const assets = readdirSync(join(dir, 'assets')).filter((name) => name.startsWith('index-'))
  // The script and its stylesheet.
  expect(assets).toHaveLength(2)
  const files = [join(dir, 'index.html'), join(dir, 'floor.js'), ...assets.map((name) => join(dir, 'assets', name))]
  const bytes = files.reduce((sum, path) => sum + gzipSync(readFileSync(path), { level: 9 }).length, 0)
  console.log(`${page}: ${bytes} bytes gzipped`)
  expect(bytes).toBeLessThan(FIRST_LOAD_MAX)
})
