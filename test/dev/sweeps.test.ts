import { expect, it, onTestFinished } from 'vitest'
import { Sweeps } from '../../dev/sweeps.ts'

/** Many of a millisecond's intervals. */
async function intervals(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setTimeout(resolve))
}

it('an edge is stopped when the sweep under way has ended, and no sweep begins until it is up again', async () => {
  const end = Promise.withResolvers<void>()
  let begun = 0
  const sweeps = new Sweeps(() => {
    begun++
    return end.promise
  }, 1)
  onTestFinished(() => sweeps.pause())
  await expect.poll(() => begun).toBeGreaterThan(0)
  let isPaused = false
  const pausing = sweeps.pause().then(() => {
    isPaused = true
  })
  const before = begun
  await intervals()
  expect(isPaused).toBe(false)
  end.resolve()
  await pausing
  await intervals()
  expect(begun).toBe(before)
  sweeps.resume()
  await expect.poll(() => begun).toBeGreaterThan(before)
})
