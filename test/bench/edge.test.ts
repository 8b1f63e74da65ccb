import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { COUNTED, type Counted } from '../../bench/cost/operations.ts'

test('bench:edge measures every figure to its end', { timeout: 600_000 }, async () => {
  const out = await mkdtemp(join(tmpdir(), 'molam-bench-'))
  try {
    await promisify(execFile)(process.execPath, ['bench/edge.ts', '--smoke', '--out', out])
    const results = JSON.parse(await readFile(join(out, 'edge.json'), 'utf8'))
    expect(Object.keys(results)).toEqual(expect.arrayContaining(['fifty', 'one', 'paced', 'storage', 'scale']))
    expect(Object.keys(results.fifty.of)).toEqual(expect.arrayContaining(['bound', 'edge', 'peer']))
    expect(results.stillOwing).toBe(0)
    comparesWithCounted(results.storage)
    const table = await readFile(join(out, 'edge.md'), 'utf8')
    expect(table).not.toMatch(/NaN|undefined|Infinity/)
  } finally {
    await rm(out, { recursive: true, force: true })
  }
})

const BILLED = /^(worker\.requests|log\.lines|call\..*|sql\.rowsWritten|d1\.rows.*|queue\..*\.messages)$/

/** What `npm run cost` multiplies with prices is what the edge does. */
function comparesWithCounted(storage: Record<Counted['phase'], Record<string, number>>): void {
  const all: readonly (readonly [string, Counted])[] = Object.entries(COUNTED)
  const listed = new Set(all.map(([what]) => what))
  expect(Object.keys(storage.load).filter((what) => BILLED.test(what) && !listed.has(what))).toEqual([])
  for (const [what, { perPush, phase, isShared }] of all) {
    const counted = storage[phase][what] ?? 0
    const most = isShared ? 1.3 * perPush + 0.2 : perPush + 0.05
    const least = isShared ? 0.9 * perPush : perPush - 0.05
    expect.soft(counted, `${what}, as bench/cost/operations.ts has it`).toBeGreaterThanOrEqual(least)
    expect.soft(counted, `${what}, as bench/cost/operations.ts has it`).toBeLessThanOrEqual(most)
  }
}
