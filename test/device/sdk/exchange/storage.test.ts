import { describe, expect, it } from 'vitest'
import { OfflineError } from '../../../../src/device/sdk/index.ts'
import { parseAuthorization } from '../../../../src/protocol/authorization.ts'
import { decodePaymentAnswer } from '../../../../src/protocol/payment-request.ts'
import { Tabs } from '../contexts.ts'
import { FAULTS } from '../rig.ts'
import { ALLOWANCE, Counter, fault } from './counter.ts'

const placeIn = (answer: Uint8Array) => parseAuthorization(decodePaymentAnswer(answer).authorization).claims.covered

/** @returns what came of it; undefined when it failed, as one of our own errors */
async function attempt<T>(run: () => Promise<T>): Promise<T | undefined> {
  try {
    return await run()
  } catch (error) {
    expect(error).toBeInstanceOf(OfflineError)
    return undefined
  }
}

describe.each(FAULTS)('a storage that %s at any one call', (kind) => {
  it('of the phone: no place is used twice, and the customer pays with the next try', async () => {
    for (let k = 1, happened = true; happened; k++) {
      const counter = await Counter.open(ALLOWANCE)
      await counter.pay(1000)
      const request = await counter.request(20_000)
      const { storage } = counter.phoneRig
      storage.arm(k, kind)
      const told = await attempt(() => counter.phone.authorize(request))
      happened = storage.revive()
      if (kind.startsWith('dies')) await counter.restartPhone()
      const answer = await counter.phone.authorize(request)
      // What somebody may have seen is what is shown again.
      if (told !== undefined) expect(answer).toEqual(told)
      expect(placeIn(answer)?.n).toBe(2)
      expect(await counter.till.acceptAuthorization(answer)).toMatchObject({ guarantee: 'covered' })
      expect(await counter.pay(500)).toMatchObject({ guarantee: 'covered' })
      expect(counter.till.getTransactions().map(({ amount }) => amount)).toEqual([1000, 20_000, 500])
    }
  })

  it('of the till, while it asks: what it has shown it takes the answer to', async () => {
    for (let k = 1, happened = true; happened; k++) {
      const counter = await Counter.open()
      const { storage } = counter.tillRig
      storage.arm(k, kind)
      const shown = await attempt(() => counter.request(20_000))
      happened = storage.revive()
      if (kind.startsWith('dies')) await counter.restartTill()
      const request = shown ?? (await counter.request(20_000))
      const taken = await counter.till.acceptAuthorization(await counter.phone.authorize(request))
      expect(taken).toMatchObject({ amount: 20_000, guarantee: 'signed' })
    }
  })

  it('of the till, while it takes: one payment, told or not', async () => {
    for (let k = 1, happened = true; happened; k++) {
      const counter = await Counter.open(ALLOWANCE)
      const answer = await counter.phone.authorize(await counter.request(20_000))
      const { storage } = counter.tillRig
      storage.arm(k, kind)
      const told = await attempt(() => counter.till.acceptAuthorization(answer))
      happened = storage.revive()
      if (kind.startsWith('dies')) await counter.restartTill()
      const taken = await counter.till.acceptAuthorization(answer)
      if (told !== undefined) expect(taken).toEqual(told)
      expect(counter.till.getTransactions().filter(({ status }) => status !== 'voided')).toHaveLength(1)
      counter.tillRig.edge.weather = undefined
      await counter.till.syncNow()
      const brought = counter.tillRig.edge.bundles.flatMap(({ entries }) => entries)
      expect(brought.filter((entry) => 'amount' in entry)).toMatchObject([{ amount: 20_000 }])
    }
  })
})

describe('two tabs on one storage', () => {
  const twoTills = async () => {
    const counter = await Counter.open(ALLOWANCE)
    const tabs = new Tabs(counter.tillRig)
    const [one, two] = [tabs.open(), tabs.open()]
    return {
      counter,
      one: await counter.tillRig.started(one.options()),
      two: await counter.tillRig.started(two.options()),
    }
  }

  it('of a till take one payment for one answer, whichever scans it', async () => {
    const { counter, one, two } = await twoTills()
    counter.till = one
    const answer = await counter.phone.authorize(await counter.request(20_000))
    const [left, right] = await Promise.all([one.acceptAuthorization(answer), two.acceptAuthorization(answer)])
    expect(left.localId).toBe(right.localId)
    expect(two.getTransactions()).toHaveLength(1)
  })

  it('of a till take one payment for one request, of two phones that answer it at once', async () => {
    const { counter, one, two } = await twoTills()
    counter.till = one
    const other = await counter.tillRig.phone('PHONE-2', '+221770000002')
    other.edge.weather = undefined
    const second = await other.started()
    await second.syncNow()
    const request = await counter.request(20_000)
    const [mine, theirs] = [await counter.phone.authorize(request), await second.authorize(request)]
    const came = await Promise.allSettled([one.acceptAuthorization(mine), two.acceptAuthorization(theirs)])
    expect(came.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
    expect(came.find(({ status }) => status === 'rejected')).toMatchObject({ reason: fault('answered') })
    expect(one.getTransactions()).toHaveLength(1)
  })

  it('of a phone use no place of the allowance twice', async () => {
    const counter = await Counter.open(ALLOWANCE)
    const tabs = new Tabs(counter.phoneRig)
    const [one, two] = [
      await counter.phoneRig.started(tabs.open().options()),
      await counter.phoneRig.started(tabs.open().options()),
    ]
    const [first, second] = [await counter.request(1000), await counter.request(500)]
    const answers = await Promise.all([one.authorize(first), two.authorize(second), two.authorize(first)])
    const places = answers.map((answer) => placeIn(answer)?.n)
    expect(new Set(places.slice(0, 2))).toEqual(new Set([1, 2]))
    expect(answers[2]).toEqual(answers[0])
    expect(await one.authorized()).toHaveLength(2)
  })
})
