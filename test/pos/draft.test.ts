import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { PayerPhone } from '../../dev/fleet/payer.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { toBase64url } from '../../src/protocol/bytes.ts'
import type { OfflinePayment } from '../../src/sdk/index.ts'
import { type PadKey, padKeyOf, press } from '../../src/web/pos/amount.ts'
import { invitationIn } from '../../src/web/pos/invitation.ts'
import { hrefOf, routeOf } from '../../src/web/pos/route.ts'
import { type Draft, EMPTY, paymentLike, problemOf, termsOf, withProofs } from '../../src/web/pos/till/draft.ts'
import { totalsOf } from '../../src/web/pos/totals.ts'
import { POLICY } from '../risk/kit.ts'

const shop = { ownerWallet: 'W-SN-M1', policy: POLICY }
const draft = (digits: string, rest: Partial<Draft> = {}): Draft => ({ ...EMPTY, digits, payer: 'W-SN-C1', ...rest })
const problem = (digits: string, rest?: Partial<Draft>) => problemOf(draft(digits, rest), shop, undefined)

describe('the amount pad', () => {
  it('shows what is taken: no leading zero, and never more than an exact integer', () => {
    const keys = fc.array(fc.constantFrom<PadKey>('0', '00', '1', '7', '9', 'erase'), { maxLength: 40 })
    fc.assert(
      fc.property(keys, (pressed) => {
        const digits = pressed.reduce(press, '')
        expect(digits).toMatch(/^([1-9][0-9]{0,8})?$/)
        expect(Number.isSafeInteger(Number(digits))).toBe(true)
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
    ['no amount', problem(''), 'amount'],
    ['more than the policy allows offline', problem('100001'), 'too_much'],
    ['a wallet with a space in it', problem('500', { payer: 'W SN' }), 'payer'],
    ['the shop itself', problem('500', { payer: 'W-SN-M1' }), 'own_wallet'],
    ['no consent above its limit', problem('10001'), 'consent'],
    ['something else instead of a consent', problem('10001', { consent: 'AAAA' }), 'consent'],
    ['nothing at the limit', problem('10000'), undefined],
  ])('%s', (_, found, expected) => {
    expect(found).toBe(expected)
  })

  it('a consent for another amount', async () => {
    const consent = await consentTo(draft('20000'))
    expect(problem('20000', { consent })).toBe(undefined)
    expect(problem('20001', { consent })).toBe('consent')
    expect(problem('20000', { consent, payer: 'W-SN-C2' })).toBe('consent')
  })

  it('no approval above its limit', async () => {
    const consent = await consentTo(draft('50001'))
    expect(problem('50001', { consent })).toBe('approval')
    expect(problem('50001', { consent, approval: 'A-17' })).toBe(undefined)
    const proven = draft('50001', { consent, approval: ' A-17 ' })
    expect(withProofs(proven, shop)).toMatchObject({ amount: 50_001, approval: 'A-17', sender: 'W-SN-C1' })
    expect(withProofs(proven, shop).authorization).toBeInstanceOf(Uint8Array)
  })

  it('the same customer with the same amount a moment ago, until a person says that it is another one', () => {
    const taken = payment({ initiatedAtMs: 1_000_000 })
    const like = (nowMs: number, status?: OfflinePayment['status']) =>
      paymentLike(draft('500'), [{ ...taken, ...(status && { status }) }], nowMs)
    expect(like(1_060_000)).toEqual(taken)
    expect([like(1_120_000), like(1_060_000, 'failed'), like(1_060_000, 'voided')]).toEqual(Array(3).fill(undefined))
    expect(problemOf(draft('500'), shop, taken)).toBe('again')
    expect(problemOf(draft('500', { another: true }), shop, taken)).toBe(undefined)
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

async function consentTo(asked: Draft): Promise<string> {
  const signer = await webCryptoSuite.es256Signer(new Uint8Array(32).fill(9))
  return toBase64url(await new PayerPhone('TEL-1', signer, webCryptoSuite).authorize(termsOf(asked, shop)))
}

function payment(rest: Partial<OfflinePayment>): OfflinePayment {
  const { amount, currency, receiver } = termsOf(draft('500'), shop)
  return {
    ...{ counter: 1, type: 'merchant', method: 'wallet', amount, currency, sender: 'W-SN-C1', receiver },
    ...{ initiatedAtMs: 0, localId: 'POS-1/1', status: 'pending_offline', receipted: false },
    expected: { decision: 'accepted' },
    ...rest,
  }
}
