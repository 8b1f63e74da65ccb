import { describe, expect, it } from 'vitest'
import { readRequest } from '../../../../src/device/sdk/index.ts'
import { parseAuthorization } from '../../../../src/protocol/authorization.ts'
import { HOUR_MS } from '../../../../src/protocol/time.ts'
import { OWNER, POLICY } from '../edge.ts'
import { ALLOWANCE, Counter, fault, PAYER, shown } from './counter.ts'

const [MINUTE, SKEW] = [60_000, POLICY.maxClockSkewMinutes * 60_000]

describe('a till and a phone, both without a network', () => {
  it('pay, and the edge gets what the phone has signed', async () => {
    const counter = await Counter.open()
    const request = shown(await counter.request(25_000))
    expect(readRequest(request)).toMatchObject({ amount: 25_000, currency: 'XOF', receiver: OWNER, takerId: 'POS-001' })
    const answer = shown(await counter.phone.authorize(request))
    // One symbol that a cheap phone's camera reads.
    expect(request.length).toBeLessThan(64)
    expect(answer.length).toBeLessThan(300)
    const taken = await counter.till.acceptAuthorization(answer)
    expect(taken).toMatchObject({
      sender: PAYER,
      receiver: OWNER,
      amount: 25_000,
      guarantee: 'signed',
      taken: 'offline',
    })
    expect(taken.expected).toEqual({ decision: 'accepted' })
    counter.tillRig.edge.weather = undefined
    await counter.till.syncNow()
    const { authorization, pass } = taken
    expect(counter.tillRig.edge.entriesOf(1)).toMatchObject([{ sender: PAYER, amount: 25_000, authorization, pass }])
    expect(await counter.phone.authorized()).toMatchObject([{ amount: 25_000, covered: false, signed: true }])
  })

  it('pay with cover while the allowance of the pass has room, counting on, and without beyond it', async () => {
    const counter = await Counter.open(ALLOWANCE)
    const said = []
    for (const amount of [20_000, 29_999, 2, 1]) {
      const { guarantee, authorization = new Uint8Array() } = await counter.pay(amount)
      said.push([guarantee, parseAuthorization(authorization).claims.covered])
    }
    expect(said).toEqual([
      ['covered', { n: 1, spent: 20_000 }],
      ['covered', { n: 2, spent: 49_999 }],
      ['signed', undefined],
      ['covered', { n: 3, spent: 50_000 }],
    ])
  })

  it('count on after a restart of the phone', async () => {
    const counter = await Counter.open(ALLOWANCE)
    await counter.pay(1000)
    await counter.restartPhone()
    const { authorization = new Uint8Array() } = await counter.pay(500)
    expect(parseAuthorization(authorization).claims.covered).toEqual({ n: 2, spent: 1500 })
  })

  it('take the same answer as the same payment, however often and however late it is scanned', async () => {
    const counter = await Counter.open(ALLOWANCE)
    const answer = await counter.phone.authorize(await counter.request(25_000))
    const first = await counter.till.acceptAuthorization(answer)
    expect(await counter.till.acceptAuthorization(answer)).toEqual(first)
    expect(await counter.till.checkAuthorization(answer)).toMatchObject({ payment: { localId: first.localId } })
    await counter.pay(1000)
    counter.tillRig.timeMs += 5 * HOUR_MS
    await counter.restartTill()
    await counter.request(1)
    expect(await counter.till.acceptAuthorization(answer)).toEqual(first)
    expect(counter.till.getTransactions()).toHaveLength(2)
  })

  it('give the same answer to the same request, and use up nothing more', async () => {
    const counter = await Counter.open(ALLOWANCE)
    const request = await counter.request(25_000)
    const answer = await counter.phone.authorize(request)
    expect(await counter.phone.authorize(request)).toEqual(answer)
    await counter.restartPhone()
    expect(await counter.phone.authorize(request)).toEqual(answer)
    expect(await counter.phone.authorized()).toHaveLength(1)
  })

  it('pay once for one request that two phones have answered', async () => {
    const counter = await Counter.open()
    const other = await await counter.tillRig.phone('PHONE-2', '+221770000002')
    other.edge.weather = undefined
    const second = await other.started()
    await second.syncNow()
    const request = await counter.request(5000)
    const [one, two] = [await counter.phone.authorize(request), await second.authorize(request)]
    await counter.till.acceptAuthorization(one)
    await expect(counter.till.acceptAuthorization(two)).rejects.toMatchObject(fault('answered'))
    expect(counter.till.getTransactions()).toMatchObject([{ sender: PAYER }])
    // What was voided was never sent, so the request is free again.
    await counter.till.voidTransaction(1)
    expect(await counter.till.acceptAuthorization(two)).toMatchObject({ sender: '+221770000002', counter: 2 })
  })

  it('lose nothing when each is restarted after each step', async () => {
    const counter = await Counter.open(ALLOWANCE)
    const request = await counter.request(25_000)
    await counter.restartTill()
    await counter.restartPhone()
    const answer = await counter.phone.authorize(request)
    await counter.restartPhone()
    await counter.restartTill()
    expect(await counter.phone.authorize(request)).toEqual(answer)
    const taken = await counter.till.acceptAuthorization(answer)
    await counter.restartTill()
    expect(await counter.till.acceptAuthorization(answer)).toEqual(taken)
    expect(counter.till.getTransactions()).toMatchObject([{ guarantee: 'covered', amount: 25_000 }])
  })
})

describe('the person with the phone', () => {
  it('sees who gets how much, and without the yes nothing is signed or used up', async () => {
    const counter = await Counter.open(ALLOWANCE)
    const asked: unknown[] = []
    counter.phoneRig.userPresence = async (one) => {
      asked.push(one)
      return asked.length > 1
    }
    await counter.restartPhone()
    const request = await counter.request(25_000)
    await expect(counter.phone.authorize(request)).rejects.toMatchObject({ code: 'not_confirmed', money: 'not_taken' })
    expect(await counter.phone.authorized()).toEqual([])
    const answer = await counter.phone.authorize(request)
    const what = { type: 'merchant', amount: 25_000, currency: 'XOF', receiver: OWNER, takerId: 'POS-001' }
    expect(asked).toEqual([what, what])
    const { authorization = new Uint8Array() } = await counter.till.acceptAuthorization(answer)
    expect(parseAuthorization(authorization).claims.covered).toEqual({ n: 1, spent: 25_000 })
  })

  it('is not asked about what the phone may not pay', async () => {
    const counter = await Counter.open()
    counter.phoneRig.userPresence = async () => {
      throw new Error('asked')
    }
    await counter.restartPhone()
    counter.tillRig.edge.policy = { ...POLICY, version: 2, maxOfflineAmount: 200_000 }
    counter.tillRig.edge.weather = undefined
    await counter.till.syncNow()
    const above = counter.phone.authorize(await counter.request(100_001))
    await expect(above).rejects.toMatchObject({ code: 'refused', reason: 'limit_exceeded' })
    await expect(counter.phone.authorize(new Uint8Array(40))).rejects.toMatchObject({ code: 'request_invalid' })
    const refund = counter.till.createRequest({
      type: 'refund' as 'merchant',
      amount: 1,
      currency: 'XOF',
      receiver: OWNER,
    })
    await expect(refund.then(({ request }) => counter.phone.authorize(request))).rejects.toMatchObject({
      code: 'request_invalid',
    })
    expect(await counter.phone.authorized()).toEqual([])
  })

  it('pays nothing without a pass, or with one that is over', async () => {
    const counter = await Counter.open()
    const request = await counter.request(100)
    counter.tillRig.timeMs += 7 * 24 * HOUR_MS + 1
    await expect(counter.phone.authorize(request)).rejects.toMatchObject({ code: 'pass_required' })
    const stranger = await counter.tillRig.phone('PHONE-3', '+221770000003')
    stranger.edge.paysUntilMs = undefined
    stranger.edge.weather = undefined
    const sdk = await stranger.started()
    await sdk.syncNow()
    expect(sdk.pass).toBeUndefined()
    await expect(sdk.authorize(request)).rejects.toMatchObject({ code: 'pass_required' })
  })
})

describe('clocks that are off', () => {
  it.each([-SKEW, SKEW])('a phone’s by %d ms still pays', async (offMs) => {
    const counter = await Counter.open()
    counter.tillRig.timeMs += HOUR_MS
    counter.phoneRig.wallOffsetMs = offMs
    await counter.restartPhone()
    expect(await counter.pay(25_000)).toMatchObject({ guarantee: 'signed' })
  })

  it('what was signed longer ago than somebody stands at a counter, or long from now, is not taken', async () => {
    const counter = await Counter.open()
    const late = await counter.phone.authorize(await counter.request(25_000))
    counter.tillRig.timeMs += 15 * MINUTE + SKEW
    expect((await counter.till.checkAuthorization(late)).terms).toMatchObject({ sender: PAYER, amount: 25_000 })
    counter.tillRig.timeMs += 1000
    await expect(counter.till.acceptAuthorization(late)).rejects.toMatchObject(fault('too_old'))
    counter.phoneRig.wallOffsetMs = SKEW + 2000
    await counter.restartPhone()
    const early = await counter.phone.authorize(await counter.request(25_000))
    await expect(counter.till.acceptAuthorization(early)).rejects.toMatchObject(fault('too_old'))
    expect(counter.till.getTransactions()).toEqual([])
  })
})
