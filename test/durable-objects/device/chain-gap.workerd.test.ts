import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { COUNTER_RANGES_MAX } from '../../../src/protocol/limits.ts'
import { MISSING_BUNDLES_MAX } from '../../../src/risk/limits.ts'
import { expectRefusal, keySet, push, pushed, registered } from '../../edge/kit.ts'
import { type Made, randomBytes, type TestDevice } from '../../kit/device.ts'
import { age, alarmIn, deliverIndex, inObject, lostQueues, type Queues, select, stubOf } from './kit.ts'

/** Bundles and payments that do not come: a relay that is late, or a clone that runs ahead of the original. */
const HOUR = 3_600_000
let keys: KeySet
let queues: Queues
let device: TestDevice

beforeAll(async () => {
  keys = await keySet()
})
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered()
  queues.watch(device)
})

const next = () => device.bundle([device.payment()], keys)
const at = (seq: number) => device.bundle([device.payment()], keys, { seq })
/** It follows a bundle that has not come. */
const ahead = (seq: number) => device.bundle([device.payment()], keys, { seq, prev: randomBytes(16) })
const reasons = async ({ bundle }: Made) => (await pushed(bundle)).receipt.exceptions.map(({ reason }) => reason)
const gaps = () => select(device, "SELECT seq, told FROM escalations WHERE kind = 'chain_gap' ORDER BY id")

describe('bundles', () => {
  it('as many missing as relays may carry are late, and nobody has to look', async () => {
    await pushed((await next()).bundle)
    expect(await reasons(await ahead(2 + MISSING_BUNDLES_MAX))).toEqual([])
  })

  it('one more is a jump ahead: it waits for a person, and so does all that follows it', async () => {
    await pushed((await next()).bundle)
    expect(await reasons(await ahead(3 + MISSING_BUNDLES_MAX))).toEqual(['risk_review'])
    expect(await reasons(await next())).toEqual(['risk_review'])
    const explained = await select(device, "SELECT seq FROM bundles WHERE risk_reasons LIKE '%chain_gap%' ORDER BY seq")
    expect(explained).toEqual([{ seq: 3 + MISSING_BUNDLES_MAX }, { seq: 4 + MISSING_BUNDLES_MAX }])
  })

  it('that a device left out when it went on without its state are not missing', async () => {
    await pushed((await next()).bundle)
    expect(await reasons(await at(3 + MISSING_BUNDLES_MAX))).toEqual([])
    expect(await reasons(await next())).toEqual([])
    expect(await stubOf(device).describe()).toMatchObject({ ok: true, value: { missingSeqs: [] } })
  })

  it('before the jump the chain goes on as ever, and behind it once it is filled', async () => {
    await pushed((await next()).bundle)
    const second = await next()
    expect(await reasons(await at(3 + MISSING_BUNDLES_MAX))).toEqual(['risk_review'])
    expect(await reasons(second)).toEqual([])
    expect(await reasons(await at(4 + MISSING_BUNDLES_MAX))).toEqual([])
  })
})

describe('a hole that stays', () => {
  /** Bundles 1 and 3. @returns the one between them */
  async function withHole(): Promise<Made> {
    const [first, second, third] = [await next(), await next(), await next()]
    await pushed(first.bundle)
    await pushed(third.bundle)
    return second
  }

  it('longer than a bundle may be old is escalated once, and people are told', async () => {
    await withHole()
    await age(device, 71 * HOUR)
    await stubOf(device).wake()
    expect(await gaps()).toEqual([])
    await age(device, 2 * HOUR)
    await inObject(device, ({ storage }) => storage.deleteAlarm())
    for (let i = 0; i < 3; i++) await stubOf(device).wake()
    expect(await gaps()).toEqual([{ seq: 2, told: 0 }])
    expect(await alarmIn(device)).toBeGreaterThan(0)
    const told = await select(device, "SELECT actor, detail FROM audit WHERE action = 'escalation_raised'")
    expect(told).toEqual([{ actor: 'system', detail: JSON.stringify({ kind: 'chain_gap', seq: 2, escalation: 1 }) }])
  })

  it('is none any more once it is filled', async () => {
    const second = await withHole()
    await pushed(second.bundle)
    await age(device, 73 * HOUR)
    await stubOf(device).wake()
    expect(await gaps()).toEqual([])
  })

  it('a later one is escalated too, and one that is filled in part not again', async () => {
    await pushed((await next()).bundle)
    const [second] = [await next(), await next()]
    await pushed((await next()).bundle)
    await age(device, 40 * HOUR)
    await next()
    await pushed((await next()).bundle)
    await age(device, 33 * HOUR)
    await stubOf(device).wake()
    expect(await gaps()).toMatchObject([{ seq: 2 }])
    await pushed(second.bundle)
    await stubOf(device).wake()
    expect(await gaps()).toMatchObject([{ seq: 2 }])
    // As if it had been raised when the later hole was 33 hours old.
    await age(device, 40 * HOUR)
    await inObject(device, ({ storage }) => void storage.sql.exec('UPDATE escalations SET at = at - ?', 40 * HOUR))
    for (let i = 0; i < 2; i++) await stubOf(device).wake()
    expect(await gaps()).toMatchObject([{ seq: 2 }, { seq: 5 }])
  })

  it('is not seen in a whole chain, however old', async () => {
    for (let i = 0; i < 3; i++) await pushed((await next()).bundle)
    await deliverIndex(queues)
    await age(device, 100 * HOUR)
    await stubOf(device).wake()
    expect(await gaps()).toEqual([])
  })
})

describe('counters', () => {
  it('a device that leaves ever more of them out is refused before its row grows without end; what it left out may come', async () => {
    await pushed((await device.bundle([device.payment({ counter: 1 })], keys)).bundle)
    // Every other counter was seen.
    const seen = Array.from({ length: COUNTER_RANGES_MAX }, (_, i) => [2 * i + 1, 2 * i + 1])
    await inObject(
      device,
      ({ storage }) => void storage.sql.exec('UPDATE device SET counters = ?', JSON.stringify(seen)),
    )
    const highest = 2 * COUNTER_RANGES_MAX - 1
    const { seq, prev } = device
    const skipping = await device.bundle([device.payment({ counter: highest + 2 })], keys)
    await expectRefusal(await push(skipping.bundle), 'counters_missing')
    expect(await select(device, 'SELECT seq FROM bundles')).toEqual([{ seq: 1 }])
    Object.assign(device, { seq, prev })
    const following = await device.bundle([device.payment({ counter: highest + 1 })], keys)
    expect(await reasons(following)).toEqual([])
    const missing = await device.bundle([device.payment({ counter: 2 })], keys)
    expect(await reasons(missing)).toEqual([])
    expect(await reasons(await device.bundle([device.payment({ counter: highest + 3 })], keys))).toEqual([])
  })
})
