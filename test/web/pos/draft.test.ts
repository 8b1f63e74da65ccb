import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { OfflinePayment } from '../../../src/device/sdk/index.ts'
import { decodeApprovalRequest, encodeApprovalRequest } from '../../../src/protocol/approval.ts'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { type DeviceId, deviceId } from '../../../src/protocol/ids.ts'
import { currency } from '../../../src/protocol/money.ts'
import { hrefOf, routeOf } from '../../../src/web/pos/route.ts'
import { type Draft, EMPTY, paymentLike, problemsOf, termsOf, withProofs } from '../../../src/web/pos/till/draft.ts'
import { totalsOf } from '../../../src/web/pos/totals.ts'
import { invitationIn } from '../../../src/web/shared/invitation.ts'
import { isForeign, keyed, type PadKey, padKeyOf, press } from '../../../src/web/shared/pad/amount.ts'
import { unverifiedApproval } from '../../kit/approval.ts'
import { POLICY } from '../../risk/kit.ts'

const shop = { ownerWallet: 'W-SN-M1', policy: POLICY }
const draft = (digits: string, rest: Partial<Draft> = {}): Draft => ({ ...EMPTY, digits, payer: 'W-SN-C1', ...rest })
const problems = (digits: string, rest?: Partial<Draft>) => [...problemsOf(draft(digits, rest), shop, undefined)]

describe('the amount pad', () => {
  const anyKeys = fc.array(fc.constantFrom<PadKey>('0', '00', '1', '7', '9', 'erase'), { maxLength: 40 })
  const anyMax = fc.integer({ min: 1, max: 10_000_000 })
  const typed = (keys: readonly PadKey[], max: number) => keys.reduce((digits, key) => press(digits, key, max), '')

  it('shows what is taken: no leading zero, and never more digits than one above the largest amount', () => {
    fc.assert(
      fc.property(anyKeys, anyMax, (keys, max) => {
        const digits = typed(keys, max)
        expect(digits).toMatch(/^([1-9][0-9]*)?$/)
        expect(digits.length).toBeLessThanOrEqual(String(max).length + 1)
      }),
    )
  })

  it('never makes an amount that can be taken out of one that is too large', () => {
    const digitKeys = fc.array(fc.constantFrom<PadKey>('0', '00', '1', '7', '9'), { maxLength: 40 })
    fc.assert(
      fc.property(digitKeys, anyMax, (keys, max) => {
        const meant = Number(keys.join(''))
        fc.pre(Number.isSafeInteger(meant) && meant > max)
        expect(Number(typed(keys, max))).toBeGreaterThan(max)
      }),
    )
  })

  it('takes digits, erasing and clearing from the keyboard, and nothing else', () => {
    expect(['5', 'Backspace', 'Escape', 'Delete', 'a', 'F5', ' '].map(padKeyOf)).toEqual([
      ...['5', 'erase', 'clear', 'clear'],
      ...[undefined, undefined, undefined],
    ])
  })
})

describe('what keeps a payment from being taken', () => {
  it.each([
    ['no payer', problems('500', { payer: ' ' }), ['no_payer']],
    ['a wallet with a space in it', problems('500', { payer: 'W SN' }), ['characters']],
    ['the password of a Wi-Fi', problems('500', { payer: 'WIFI:T:WPA;P:secret;;' }), ['link']],
    ['a number with a digit too few', problems('500', { payer: '+221 77 000 00 0' }), ['number']],
    ['a number of before the change of the plan', problems('500', { payer: '+229 97 00 00 01' }), ['old_number']],
    ['a number of a country that is not served', problems('500', { payer: '+33 6 12 34 56 78' }), ['foreign_number']],
    ['the shop itself', problems('500', { payer: 'W-SN-M1' }), ['own_wallet']],
    ['a typed account above what is taken without a phone', problems('10001'), ['needs_phone']],
    ['all that is missing, at once', problems('50001', { payer: '' }), ['no_payer', 'needs_phone', 'no_approval']],
    ['nothing at the limit', problems('10000'), []],
  ])('%s', (_, found, expected) => {
    expect(found).toEqual(expected)
  })

  it('the shop’s own number, however it is written', () => {
    const own = { ...shop, ownerWallet: '+221770000001' }
    expect([...problemsOf(draft('500', { payer: '77 000 00 01' }), own, undefined)]).toEqual(['own_wallet'])
  })

  it('no approval above its limit', () => {
    const [request, other] = [requestFor(draft('50001'), 1), requestFor(draft('50001'), 2)]
    const approval = ` ${toBase64url(unverifiedApproval(0, decodeApprovalRequest(request).requestId))} `
    const found = (over: Partial<Draft>, shown = request) =>
      [...problemsOf(draft('50001', over), shop, undefined, shown)].filter((problem) => problem !== 'needs_phone')
    expect(found({})).toEqual(['no_approval'])
    expect(found({ approval })).toEqual([])
    // A reference, and an agent's answer to something else.
    expect(found({ approval: 'A-17' })).toEqual(['approval'])
    expect(found({ approval }, other)).toEqual(['approval'])
    const proven = withProofs(draft('50001', { approval }), shop, request)
    expect(proven).toMatchObject({ amount: 50_001, sender: 'W-SN-C1', approval: { request } })
  })

  it('the same customer with the same amount a moment ago, until a person says that it is another one', () => {
    const taken = payment({ initiatedAtMs: 1_000_000 })
    const like = (nowMs: number, status?: OfflinePayment['status']) =>
      paymentLike(draft('500'), shop, [{ ...taken, ...(status && { status }) }], nowMs)
    expect(like(1_060_000)).toEqual(taken)
    expect([like(1_120_000), like(1_060_000, 'failed'), like(1_060_000, 'voided')]).toEqual(Array(3).fill(undefined))
    expect([...problemsOf(draft('500'), shop, taken)]).toEqual(['again'])
    expect([...problemsOf(draft('500', { another: true }), shop, taken)]).toEqual([])
  })

  it('not the method, where the policy has no choice of it', () => {
    const only = { ...shop, policy: { ...POLICY, allowedMethods: ['qr'] as const } }
    expect(withProofs(draft('500'), only).method).toBe('qr')
    expect(withProofs(draft('500', { method: 'qr' }), shop).method).toBe('qr')
  })
})

describe('a payer’s number', () => {
  it.each(['00221770000001', '221 77-000-00-01', 'tel:+221770000001', '\u2068+221 77 000 00 01\u2069', '77 000 00 01'])(
    'has one form in the payment and in the question whether it is the same one again: %j',
    (payer) => {
      expect(termsOf(draft('500', { payer }), shop).sender).toBe('+221770000001')
      const before = payment({ sender: '+221770000001' as OfflinePayment['sender'] })
      expect(paymentLike(draft('500', { payer }), shop, [before], 1_000)).toEqual(before)
    },
  )
})

describe('keys that no amount has', () => {
  const typed = (text: string): Draft => {
    let draft = EMPTY
    for (const key of text) {
      const padKey = padKeyOf(key)
      if (padKey !== undefined) draft = keyed(draft, padKey, 100_000)
      else if (isForeign(key)) draft = { ...draft, foreign: key }
    }
    return draft
  }

  it.each([
    ['25.50', '25', '.'],
    ['150,00', '150', ','],
    ['25.000', '25', '.'],
    ['W-SN-C950', '', 'C'],
    ['-500', '', '-'],
  ])('%s is no other amount: what follows such a key waits until it is erased', (text, digits, foreign) => {
    expect(typed(text)).toMatchObject({ digits, foreign })
    const erased = keyed(typed(text), 'erase', 100_000)
    expect(erased).toMatchObject({ digits, foreign: undefined })
    expect(keyed(erased, '5', 100_000)).toMatchObject({ digits: `${digits}5` })
    expect(keyed(typed(text), 'clear', 100_000)).toMatchObject({ digits: '', foreign: undefined })
  })

  it('a space parts thousands, and a key with a name types nothing', () => {
    expect(typed('25 000')).toMatchObject({ digits: '25000' })
    expect(['F5', 'Tab', 'Shift', 'Dead', ' ', '\u202f', '7'].filter(isForeign)).toEqual([])
  })
})

it('only a verified outcome counts as settled', () => {
  const statuses = ['pending_offline', 'pending', 'review', 'quarantined', 'succeeded', 'failed', 'reversed'] as const
  const totals = totalsOf(statuses.map((status) => payment({ status })))
  expect(totals).toEqual({
    settled: { count: 1, value: 500 },
    waiting: { count: 4, value: 2000 },
    notPaid: { count: 2, value: 1000 },
  })
})

describe('the address', () => {
  it.each([
    ['#enrol=POS-1.7H2K-9QXA', { deviceId: 'POS-1', code: '7H2K-9QXA' }],
    ['#enrol=POS.A.1.7H2K', { deviceId: 'POS.A.1', code: '7H2K' }],
    ['#enrol=.7H2K', undefined],
    ['#enrol=POS-1.', undefined],
    ['#enrol=POS 1.7H2K', undefined],
    ['#/today', undefined],
  ])('%s invites, or does not', (fragment, expected) => {
    expect(invitationIn(fragment)).toEqual(expected)
  })

  it('leads to every screen and back, and from nonsense to the till', () => {
    const routes = [
      { screen: 'till' },
      { screen: 'today' },
      { screen: 'unseen' },
      { screen: 'carry' },
      { screen: 'device' },
      { screen: 'receipt', localId: 'POS-1/42' },
      { screen: 'carried' },
      { screen: 'carried', id: '00ff' },
    ] as const
    for (const route of routes) expect(routeOf(hrefOf(route))).toEqual(route)
    expect(['', '#', '#/nonsense', '#enrol=x'].map(routeOf)).toEqual(Array(4).fill({ screen: 'till' }))
  })
})

function requestFor(asked: Draft, no: number): Uint8Array {
  const requestId = new Uint8Array(16).fill(no)
  return encodeApprovalRequest({
    ...{ ...termsOf(asked, shop), currency: currency('XOF') },
    ...{ takerId: deviceId('POS-1') as DeviceId, requestId },
  })
}

function payment(rest: Partial<OfflinePayment>): OfflinePayment {
  const { amount, receiver } = termsOf(draft('500'), shop)
  return {
    ...{
      counter: 1,
      type: 'merchant',
      method: 'wallet',
      amount,
      currency: currency('XOF'),
      sender: 'W-SN-C1',
      receiver,
    },
    ...{ initiatedAtMs: 0, localId: 'POS-1/1', status: 'pending_offline', receipted: false },
    ...{ refunded: 0, refundable: 0 },
    guarantee: 'claimed',
    expected: { decision: 'accepted' },
    ...rest,
  }
}
