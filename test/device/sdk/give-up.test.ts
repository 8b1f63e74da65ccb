import { describe, expect, it } from 'vitest'
import { DEVICE } from './edge.ts'
import { Rig, terms } from './rig.ts'

/** A payment whose turn to be written does not come: another tab is frozen in the middle of its own change. */
const TURN_WITHIN_MS = 15_000
const NOT_TAKEN = { code: 'abandoned', money: 'not_taken', next: 'reopen' }

async function heldUp() {
  const rig = await Rig.create()
  const frozen = Promise.withResolvers<void>()
  let isHeld = false
  const sdk = await rig.started({
    exclusive: async (_, run) => {
      if (isHeld) await frozen.promise
      return run()
    },
  })
  isHeld = true
  return { rig, sdk, thaw: frozen.resolve }
}

describe('a payment that waits for its turn', () => {
  it.each([
    ['the time is over', ({ rig }: Held) => rig.timers.fireOnly(TURN_WITHIN_MS)],
    ['the person gives it up', ({ givingUp }: Held) => givingUp.abort()],
  ])('is not taken once %s, and not afterwards behind the customer’s back', async (_, end) => {
    const { rig, sdk, thaw } = await heldUp()
    const givingUp = new AbortController()
    const taking = sdk.createOfflineTransaction(terms(), { signal: givingUp.signal })
    end({ rig, givingUp })
    await expect(taking).rejects.toMatchObject(NOT_TAKEN)
    thaw()
    // Behind the change that was given up.
    const next = await sdk.createOfflineTransaction(terms({ amount: 700 }))
    expect(next.localId).toBe(`${DEVICE}/1`)
    expect((await rig.started()).getTransactions()).toMatchObject([{ amount: 700 }])
  })

  it('that was given up before it began is not even begun', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await expect(sdk.createOfflineTransaction(terms(), { signal: AbortSignal.abort() })).rejects.toMatchObject(
      NOT_TAKEN,
    )
    expect(sdk.getTransactions()).toEqual([])
  })
})

it('a payment whose write has begun is not given up: only the write says how it ended', async () => {
  const rig = await Rig.create()
  const writing = Promise.withResolvers<void>()
  const disk = Promise.withResolvers<void>()
  const sdk = await rig.started({
    storage: {
      getItem: (key) => rig.storage.getItem(key),
      removeItem: (key) => rig.storage.removeItem(key),
      setItem: async (key, value) => {
        if (key.includes('/payment/')) {
          writing.resolve()
          await disk.promise
        }
        await rig.storage.setItem(key, value)
      },
    },
  })
  const givingUp = new AbortController()
  const taking = sdk.createOfflineTransaction(terms(), { signal: givingUp.signal })
  await writing.promise
  givingUp.abort()
  rig.timers.fireOnly(TURN_WITHIN_MS)
  disk.resolve()
  expect(await taking).toMatchObject({ localId: `${DEVICE}/1` })
})

interface Held {
  readonly rig: Rig
  readonly givingUp: AbortController
}
