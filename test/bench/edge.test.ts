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

/** On a slow machine what nobody confirmed in time is sent again. */
const SLOWER_MORE = new Set(['queue.settle.messages'])
const OWED_BEFORE = new Set(['call.alarm', 'call.indexed'])

/** What `npm run cost` multiplies with prices is what the edge does. */
function comparesWithCounted(storage: Record<Counted['phase'], Record<string, number>>): void {
  const all: readonly (readonly [string, Counted])[] = Object.entries(COUNTED)
  const listed = new Set(all.map(([what]) => what))
  // What the consents still owe may be sent in the load: no push sets an alarm, or makes a device's row new.
  const isCounted = (what: string) => listed.has(what) || OWED_BEFORE.has(what)
  expect(Object.keys(storage.load).filter((what) => BILLED.test(what) && !isCounted(what))).toEqual([])
  // How many pushes a call confirms depends on how busy the machine is. Each of them is a request beside its pushes.
  const calls = (storage.load['worker.requests'] ?? 0) - COUNTED['worker.requests'].perPush
  expect(calls).toBeGreaterThan(0)
  expect(calls).toBeLessThan(1)
  for (const [what, { perPush, perCall = 0, phase }] of all) {
    const expected = perPush + perCall * calls
    const counted = storage[phase][what] ?? 0
    const said = `${what}, as bench/cost/operations.ts has it`
    expect.soft(counted, said).toBeGreaterThanOrEqual(0.97 * expected - 0.05)
    if (!SLOWER_MORE.has(what)) expect.soft(counted, said).toBeLessThanOrEqual(1.03 * expected + 0.05)
  }
}
