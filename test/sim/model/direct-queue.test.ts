import { expect, test } from 'vitest'
import { directQueue } from '../../../sim/model/direct-queue.ts'

/** A queue of one message, which is leased until it is acknowledged. */
function oneMessage() {
  const bytes = Uint8Array.of(1, 2)
  const calls: string[] = []
  const leased = { id: 'm', body: { contentType: 'bytes', bytes }, sentAtMs: 0, attempts: 1, leaseId: 'lease' } as const
  return {
    ...{ bytes, calls },
    lease: (count: number, leaseMs: number) => {
      calls.push(`lease ${count} for ${leaseMs}`)
      return [leased]
    },
    acknowledge: (leaseId: string) => {
      calls.push(`acknowledge ${leaseId}`)
      return true
    },
  }
}

test('it asks as production’s client does, and hands out copies', async () => {
  const kept = oneMessage()
  const queue = directQueue(kept, async () => undefined)
  const [message] = await queue.pull()
  expect(message).toEqual({ leaseId: 'lease', body: Uint8Array.of(1, 2) })
  message?.body.fill(9)
  expect([...kept.bytes]).toEqual([1, 2])
  await queue.acknowledge(['lease', 'other'])
  expect(kept.calls).toEqual(['lease 100 for 30000', 'acknowledge lease', 'acknowledge other'])
})

test.each([
  ['request', []],
  ['answer', ['lease 100 for 30000']],
] as const)('what is lost on the way of the %s is an outage for whoever pulls', async (lost, calls) => {
  const kept = oneMessage()
  const queue = directQueue(kept, async (what) => {
    if (what === lost) throw new TypeError('lost')
  })
  const fault = await queue.pull().then(
    () => 'none',
    (error: Error) => error.message,
  )
  expect(fault).toBe('lost')
  expect(kept.calls).toEqual(calls)
})
