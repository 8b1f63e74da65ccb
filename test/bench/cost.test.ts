import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { billOf, totalOf } from '../../bench/cost/bill.ts'
import { ALARMS_PER_PUSH, COUNTED, PUSHES_PER_CALL } from '../../bench/cost/operations.ts'
import { PRICES } from '../../bench/cost/prices.ts'

test('rows that are written cost their price times the pushes of a million payments, and what a call adds is shared', () => {
  const rows = billOf(50).find(({ price }) => price === PRICES.d1RowWritten)
  const { perPush, perCall } = COUNTED['d1.rowsWritten']
  expect(rows?.units).toBeCloseTo(20_000 * (perPush + perCall / PUSHES_PER_CALL))
  expect(rows?.usd).toBeCloseTo(0.02 * (perPush + perCall / PUSHES_PER_CALL))
})

test('a message costs three operations, and an alarm a row', () => {
  const units = new Map(billOf(1).map(({ price, units }) => [price.what, units / 1_000_000]))
  expect(units.get(PRICES.queueOperation.what)).toBeCloseTo(3 * COUNTED['queue.settle.messages'].perPush)
  const rows = COUNTED['sql.rowsWritten'].perPush + ALARMS_PER_PUSH
  expect(units.get(PRICES.objectRowWritten.what)).toBeCloseTo(rows)
})

test('the dearest item comes first, and larger bundles are cheaper', () => {
  const costs = billOf(10).map(({ usd }) => usd)
  expect(costs).toEqual(costs.toSorted((a, b) => b - a))
  expect(totalOf(billOf(50))).toBeLessThan(totalOf(billOf(10)))
  expect(totalOf(billOf(10))).toBeLessThan(totalOf(billOf(1)))
})

test('every price says where it stands', () => {
  for (const { source } of Object.values(PRICES)) expect(source).toMatch(/^https:\/\//)
})

test('npm run cost writes the table that is in the repository', async () => {
  const out = await mkdtemp(join(tmpdir(), 'molam-cost-'))
  try {
    await promisify(execFile)(process.execPath, ['bench/cost.ts', '--out', out])
    expect(await readFile('bench/results/cost.md', 'utf8')).toBe(await readFile(join(out, 'cost.md'), 'utf8'))
  } finally {
    await rm(out, { recursive: true, force: true })
  }
})
