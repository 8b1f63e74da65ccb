import { expect, it } from 'vitest'
import { DAY_MS } from '../../src/protocol/time.ts'
import type { SeenPayment } from '../../src/risk/history.ts'
import { crowds } from '../../src/risk/windows.ts'

const HOUR_MS = 3_600_000
const at = (hour: number, counter?: number): SeenPayment => ({
  ...(counter !== undefined && { counter }),
  atMs: hour * HOUR_MS,
  amount: 100,
  sender: counter ?? 0,
  receiver: 1,
  type: 'p2p',
})

it('each payment has the largest crowd that it is part of', () => {
  const seen = [at(0, 1), at(1, 2), at(20, 3), at(30, 4)]
  expect([...crowds(seen, DAY_MS)]).toEqual([
    [1, 3],
    [2, 3],
    [3, 3],
    [4, 2],
  ])
})

it('a span ends just before its length', () => {
  expect([...crowds([at(0, 1), at(24, 2)], DAY_MS).values()]).toEqual([1, 1])
  expect([...crowds([at(0, 1), at(23.999, 2)], DAY_MS).values()]).toEqual([2, 2])
})

it('history counts for the payments of the bundle and never for itself', () => {
  expect([...crowds([at(-48), at(-47), at(0), at(1, 7)], DAY_MS)]).toEqual([[7, 2]])
  expect(crowds([at(0), at(1)], DAY_MS).size).toBe(0)
})

it('what is measured may be something else than how many', () => {
  const senders = (window: readonly SeenPayment[]) => new Set(window.map(({ sender }) => sender)).size
  expect([...crowds([at(0), at(1), at(2, 5)], DAY_MS, senders)]).toEqual([[5, 2]])
})
