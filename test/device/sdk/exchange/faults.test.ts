import { describe, expect, it } from 'vitest'
import { webCryptoSuite } from '../../../../src/crypto/webcrypto.ts'
import { deviceId } from '../../../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../../../src/protocol/money.ts'
import {
  decodePaymentAnswer,
  decodePaymentRequest,
  encodePaymentAnswer,
  encodePaymentRequest,
} from '../../../../src/protocol/payment-request.ts'
import { HOUR_MS } from '../../../../src/protocol/time.ts'
import { DEVICE, OWNER, POLICY, random } from '../edge.ts'
import { approvedAt } from '../rig.ts'
import { ALLOWANCE, asking, Counter, type Forged, fault, forge, PAYER } from './counter.ts'

/** Nothing was taken, and the same request still takes a true answer: nothing was lost either. */
async function expectRefused(counter: Counter, request: Uint8Array, answer: Uint8Array, why: string) {
  await expect(counter.till.checkAuthorization(answer), why).rejects.toMatchObject(fault(why))
  await expect(counter.till.acceptAuthorization(answer), why).rejects.toMatchObject(fault(why))
  expect(counter.till.getTransactions()).toEqual([])
  await counter.till.acceptAuthorization(await counter.phone.authorize(request))
  expect(counter.till.getTransactions()).toMatchObject([{ amount: 25_000, sender: PAYER }])
}

const covered = (n: number, spent: number): Forged => ({ header: { covered: { n, spent: amountMinor(spent) } } })

describe('an answer that does not hold takes nothing', () => {
  const at = Date.UTC(2026, 10, 22, 9)
  const skewMs = POLICY.maxClockSkewMinutes * 60_000
  it.each<readonly [string, Forged, string]>([
    ['a request of nobody', { header: { requestId: random(16) } }, 'not_asked'],
    ['an amount that was not asked', { over: { amount: amountMinor(2_500) } }, 'false_signature'],
    ['another currency', { over: { currency: currency('EUR') } }, 'false_signature'],
    ['another receiver', { over: { receiver: 'shop-2' } }, 'false_signature'],
    ['another sender', { over: { sender: '+221770000009' } }, 'false_signature'],
    ['another type', { over: { type: 'p2p' } }, 'false_signature'],
    ['another till', { takerId: deviceId('POS-002') }, 'false_signature'],
    ['another algorithm', { header: { alg: -8 } }, 'false_signature'],
    ['a pass that is over', { pass: { fromMs: at - 9 * HOUR_MS, untilMs: at - HOUR_MS } }, 'pass_expired'],
    ['a pass of tomorrow', { pass: { fromMs: at + 24 * HOUR_MS, untilMs: at + 48 * HOUR_MS } }, 'pass_expired'],
    ['a pass for less', { pass: { paymentMax: amountMinor(24_999) } }, 'not_allowed'],
    ['a pass for another currency', { pass: { currency: currency('XAF') } }, 'not_allowed'],
    ['the till’s own pass', { pass: { deviceId: DEVICE } }, 'not_allowed'],
    ['the shop’s own wallet', { pass: { wallet: OWNER } }, 'same_wallet'],
    ['an allowance that is not there', covered(1, 25_000), 'not_allowed'],
    ['more than the allowance', { pass: ALLOWANCE, ...covered(2, 50_001) }, 'not_allowed'],
    ['less spent than this one', { pass: ALLOWANCE, ...covered(1, 24_999) }, 'not_allowed'],
    ['a signature of long ago', { header: { signedAtMs: at - 15 * 60_000 - skewMs - 1000 } }, 'too_old'],
  ])('%s', async (_, forged, why) => {
    const counter = await Counter.open()
    const request = await counter.request(25_000)
    await expectRefused(counter, request, await forge(counter, request, forged), why)
  })

  it('another phone’s signature under this pass', async () => {
    const counter = await Counter.open()
    const request = await counter.request(25_000)
    const signer = await webCryptoSuite.es256Signer(random(32))
    await expectRefused(counter, request, await forge(counter, request, { signer }), 'false_signature')
  })

  it('a pass of another phone beside this one’s signature', async () => {
    const counter = await Counter.open()
    const other = await counter.tillRig.phone('PHONE-2')
    const request = await counter.request(25_000)
    const { authorization } = decodePaymentAnswer(await forge(counter, request))
    const swapped = encodePaymentAnswer({ pass: await other.edge.signPass(), authorization })
    await expectRefused(counter, request, swapped, 'false_signature')
  })

  it('a pass that another edge has signed, or this one with a key that is retired or not known yet', async () => {
    const counter = await Counter.open()
    const strange = await Counter.open()
    const request = await counter.request(25_000)
    const { authorization, pass } = decodePaymentAnswer(await forge(counter, request))
    const foreign = encodePaymentAnswer({ pass: await strange.phoneRig.edge.signPass(), authorization })
    await expectRefused(counter, request, foreign, 'pass_unknown')
    const { edge } = counter.phoneRig
    await edge.rotate('receipt', 'retiring')
    const next = await counter.request(100)
    const newer = await forge(counter, next)
    await expect(counter.till.acceptAuthorization(newer)).rejects.toMatchObject(fault('pass_unknown'))
    // A sync brings the key, and the same answer is taken.
    const till = counter.tillRig.edge
    till.takeKeysOf(edge)
    till.weather = undefined
    await counter.till.syncNow()
    expect(await counter.till.acceptAuthorization(newer)).toMatchObject({ amount: 100 })
    edge.retire('receipt')
    till.takeKeysOf(edge)
    await counter.till.syncNow()
    const old = encodePaymentAnswer({
      pass,
      authorization: decodePaymentAnswer(await forge(counter, next)).authorization,
    })
    await expect(counter.till.checkAuthorization(old)).rejects.toMatchObject(fault('pass_unknown'))
  })

  it('one for another till’s request, and one for a request that says something else', async () => {
    const [counter, other] = [await Counter.open(), await Counter.open()]
    const request = await counter.request(25_000)
    const theirs = await other.request(25_000)
    await expectRefused(counter, request, await forge(counter, theirs), 'not_asked')
    const next = await counter.request(25_000)
    // Somebody stands between screen and phone, and asks for more in the till's name.
    const more = encodePaymentRequest({ ...decodePaymentRequest(next), amount: amountMinor(50_000) })
    const answer = counter.till.acceptAuthorization(await counter.phone.authorize(more))
    await expect(answer).rejects.toMatchObject(fault('false_signature'))
  })

  it('one for a request of an hour ago', async () => {
    const counter = await Counter.open()
    const request = await counter.request(25_000)
    counter.tillRig.timeMs += HOUR_MS + 1
    const answer = await counter.phone.authorize(request)
    await expect(counter.till.acceptAuthorization(answer)).rejects.toMatchObject(fault('not_asked'))
    expect(await counter.pay(25_000)).toMatchObject({ guarantee: 'signed' })
  })
})

describe('a phone that does not count on', () => {
  it.each<readonly [string, number, number]>([
    ['the same place twice', 2, 25_000],
    ['a place before the last one', 1, 25_000],
    ['less spent than before', 3, 5_000],
    ['less spent than both come to', 3, 11_999],
  ])('%s', async (_, n, spent) => {
    const counter = await Counter.open(ALLOWANCE)
    const first = await counter.request(10_000)
    await counter.till.acceptAuthorization(await forge(counter, first, covered(2, 10_000)))
    const request = await counter.request(2_000)
    const answer = await forge(counter, request, covered(n, spent))
    await expect(counter.till.acceptAuthorization(answer)).rejects.toMatchObject(fault('spent_before'))
    expect(counter.till.getTransactions()).toHaveLength(1)
    // Without cover it still pays: whether the money is there, the book says.
    expect(await counter.till.acceptAuthorization(await forge(counter, request))).toMatchObject({ guarantee: 'signed' })
  })

  it('is believed where what it says can be: places in between went to other tills', async () => {
    const counter = await Counter.open(ALLOWANCE)
    const first = await counter.request(10_000)
    await counter.till.acceptAuthorization(await forge(counter, first, covered(2, 15_000)))
    const answer = await forge(counter, await counter.request(2_000), covered(7, 17_000))
    expect(await counter.till.acceptAuthorization(answer)).toMatchObject({ guarantee: 'covered' })
  })

  it('under another allowance, or of another phone, counts from the start', async () => {
    const counter = await Counter.open(ALLOWANCE)
    await counter.pay(10_000)
    const next = { allowance: { no: 2, ceiling: amountMinor(50_000) } }
    const answer = await forge(counter, await counter.request(2_000), { pass: next, ...covered(1, 2_000) })
    expect(await counter.till.acceptAuthorization(answer)).toMatchObject({ guarantee: 'covered' })
  })
})

describe('a request', () => {
  it.each([
    [asking(0), { code: 'invalid_payment' }],
    [asking(2.5), { code: 'invalid_payment' }],
    [asking(100, { currency: 'xof' }), { code: 'invalid_payment' }],
    [asking(100, { receiver: 'not a wallet' }), { code: 'invalid_payment', wallet: { field: 'receiver' } }],
    [asking(100, { type: 'gift' as 'merchant' }), { code: 'invalid_payment' }],
    [asking(100_001), { code: 'refused', reason: 'limit_exceeded' }],
    [asking(100, { currency: 'EUR' }), { code: 'refused', reason: 'currency_mismatch' }],
  ])('%o is not made', async (terms, error) => {
    const { till } = await Counter.open()
    await expect(till.createRequest(terms)).rejects.toMatchObject({ ...error, money: 'not_taken' })
  })

  it('keeps what the app says of the payment besides, also over a restart', async () => {
    const counter = await Counter.open()
    const { request } = await counter.till.createRequest(asking(100, { merchantId: 'M-042', meta: { till: '3' } }))
    await counter.restartTill()
    const taken = await counter.till.acceptAuthorization(await counter.phone.authorize(request))
    expect(taken).toMatchObject({ merchantId: 'M-042', meta: { till: '3' } })
  })

  it('needs an agent above the limit: the till asks who pays first, then takes both words', async () => {
    const counter = await Counter.open()
    const answer = await counter.phone.authorize(await counter.request(60_000))
    await expect(counter.till.acceptAuthorization(answer)).rejects.toMatchObject({
      code: 'refused',
      money: 'not_taken',
    })
    const { terms } = await counter.till.checkAuthorization(answer)
    if (terms === undefined) throw new Error('taken before')
    expect(terms).toEqual({ ...asking(60_000), sender: PAYER, method: 'qr' })
    const approval = approvedAt(counter.till, terms, counter.tillRig.timeMs)
    const taken = await counter.till.acceptAuthorization(answer, { approval })
    expect(taken).toMatchObject({ amount: 60_000, guarantee: 'signed', approval: approval.approval })
    expect(await counter.till.acceptAuthorization(answer)).toEqual(taken)
  })
})
