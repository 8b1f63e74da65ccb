import { describe, expect, it } from 'vitest'
import type { AtRestCipher } from '../../../../src/device/sdk/index.ts'
import { nobleAtRest } from '../../../../src/device/sdk/noble.ts'
import { random } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

const PAYER = '+221770000001'

/** A device that has a bundle in flight, a payment that waits, and an outcome; its records as they stand. */
async function inUse(atRest: AtRestCipher | undefined) {
  const rig = await Rig.create({ atRest })
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms())
  await sdk.syncNow()
  rig.edge.settleAll()
  await sdk.createOfflineTransaction(terms())
  rig.edge.faults = ['offline']
  await sdk.syncNow()
  await sdk.createOfflineTransaction(terms())
  await sdk.voidTransaction(3)
  return rig
}

it('nothing of a payment can be read in the storage, and no two records are the same', async () => {
  const rig = await inUse(nobleAtRest(random(32), random))
  const texts = [...rig.storage.items.values()]
  expect(texts.length).toBeGreaterThan(8)
  for (const text of texts) {
    expect(text).toMatch(/^s1\.[0-9a-f]{16}\.[A-Za-z0-9_-]+$/)
    expect(text).not.toContain('payload')
  }
  expect(new Set(texts).size).toBe(texts.length)
  const plain = await inUse(undefined)
  const { payload } = JSON.parse(plain.stored('payment/1')?.split('.').slice(2).join('.') ?? '') as {
    payload: string
  }
  expect(Buffer.from(payload, 'base64url').toString('latin1')).toContain(PAYER)
})

describe('a storage opened with the wrong key', () => {
  const right = nobleAtRest(random(32), random)
  const wrong = nobleAtRest(random(32), random)
  const cases: [string, AtRestCipher | undefined, AtRestCipher | undefined][] = [
    ['another key', right, wrong],
    ['no key', right, undefined],
    ['a key for a plain storage', undefined, right],
  ]

  it.each(cases)('%s: blocked, nothing taken, nothing written; the right key goes on', async (_, made, opened) => {
    const rig = await inUse(made)
    rig.edge.faults = []
    const before = new Map(rig.storage.items)
    rig.atRest = opened
    const sdk = rig.sdk()
    const blocked = { status: 'blocked', error: { code: 'store_locked', money: 'unread' } }
    expect(await sdk.initialize()).toMatchObject(blocked)
    await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject({ money: 'not_taken' })
    await expect(sdk.syncNow()).rejects.toMatchObject({ code: 'store_locked' })
    expect(sdk.state).toMatchObject(blocked)
    expect(rig.storage.items).toEqual(before)
    rig.atRest = made
    const again = await rig.started()
    expect(await again.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.counters).toEqual([1, 2, 3])
  })

  it.each(cases)(
    '%s, and the state is lost: no new state is written over payments that it could not open',
    async (_, made, opened) => {
      const rig = await inUse(made)
      rig.edge.faults = []
      for (const slot of ['state/0', 'state/1', 'outgoing/0', 'outgoing/1']) rig.put(slot, 's1.')
      const before = new Map(rig.storage.items)
      rig.atRest = opened
      const sdk = rig.sdk()
      expect(await sdk.initialize()).toMatchObject({ status: 'blocked', error: { code: 'store_locked' } })
      expect(rig.storage.items).toEqual(before)
      rig.atRest = made
      const again = await rig.started()
      await again.syncNow()
      rig.edge.settleAll()
      expect(await again.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
      expect(rig.edge.contradictions).toEqual([])
    },
  )
})

it('a payment’s record sealed with another key than the rest is kept, shown, and never sent', async () => {
  const rig = await Rig.create({ atRest: nobleAtRest(random(32), random) })
  const other = await inUse(nobleAtRest(random(32), random))
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms({ amount: 1 }))
  const raw = other.stored('payment/1') ?? ''
  rig.put('payment/1', raw)
  const restarted = await rig.started()
  expect(restarted.state.damaged).toEqual([{ counter: 1, kind: 'locked', receipted: false, raw }])
  expect(await restarted.createOfflineTransaction(terms({ amount: 2 }))).toMatchObject({ counter: 2 })
  await restarted.syncNow()
  expect(rig.edge.counters).toEqual([2])
  expect(rig.stored('payment/1')).toBe(raw)
})

it('a cipher that fails is a storage that fails: the payment is not taken', async () => {
  const cipher = nobleAtRest(random(32), random)
  let broken = false
  const atRest: AtRestCipher = {
    open: (sealed, aad) => cipher.open(sealed, aad),
    seal: async (plain, aad) => {
      if (broken) throw new Error('the key is gone')
      return cipher.seal(plain, aad)
    },
  }
  const rig = await Rig.create({ atRest })
  const sdk = await rig.started()
  broken = true
  const failure = { code: 'storage_failed', money: 'not_taken' }
  await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject(failure)
  broken = false
  expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ counter: 1 })
})

it('an at-rest key of another length is refused', () => {
  expect(() => nobleAtRest(random(16), random)).toThrow(RangeError)
})
