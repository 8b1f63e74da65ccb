import { expect, it } from 'vitest'
import { atOnce } from '../../src/edge/at-once.ts'

it('works through all, never on more than so many at a time, and answers in their order', async () => {
  const waiting: (() => void)[] = []
  let [under, most] = [0, 0]
  const work = async (item: number): Promise<number> => {
    most = Math.max(most, ++under)
    await new Promise<void>((resolve) => waiting.push(resolve))
    under--
    return 10 * item
  }
  const all = atOnce([1, 2, 3, 4, 5, 6, 7], 3, work)
  // The last that began is done first.
  while (waiting.length > 0) {
    waiting.pop()?.()
    await Promise.resolve().then(() => Promise.resolve())
  }
  expect(await all).toEqual([10, 20, 30, 40, 50, 60, 70])
  expect(most).toBe(3)
})

it('of nothing there is nothing to wait for', async () => {
  expect(await atOnce([], 8, async () => 1)).toEqual([])
})
