import { describe, expect, it } from 'vitest'
import { type Consent, decodeConsent, encodeConsent, type KeptConsent, paysUntil } from '../../src/protocol/consent.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { CODE_VALID_MS, CONSENT_DAYS_MAX } from '../../src/protocol/limits.ts'
import { DAY_MS } from '../../src/protocol/time.ts'

const GIVEN = Date.UTC(2026, 10, 1)
const UNTIL = GIVEN + 30 * DAY_MS
const THUMBPRINT = new Uint8Array(32).fill(7)
const KID = THUMBPRINT.slice(0, 8)
const CONSENT: Consent = {
  ...{ wallet: '+221770000001', deviceId: deviceId('POS-001'), thumbprint: THUMBPRINT, tenant: 'molam' },
  ...{ askedBy: 'user:awa', confirmedBy: 'user:moussa', givenAtMs: GIVEN, untilMs: UNTIL },
}

describe('on the wire', () => {
  it('says what was agreed to', () => {
    expect(decodeConsent(encodeConsent(CONSENT))).toEqual(CONSENT)
  })

  it.each([
    ['by one person alone', { confirmedBy: 'user:awa' }],
    ['that ends before it begins', { untilMs: GIVEN }],
    ['for longer than anybody may give', { untilMs: GIVEN + CONSENT_DAYS_MAX * DAY_MS + 1 }],
    ['for a piece of a key', { thumbprint: THUMBPRINT.slice(1) }],
  ])('is none when it is given %s', (_, over) => {
    expect(() => decodeConsent(encodeConsent({ ...CONSENT, ...over }))).toThrow()
  })
})

describe('by the holder’s code', () => {
  const code = { no: 3, askedAtMs: GIVEN - 60_000, digits: '04183920' }
  const BY_CODE: Consent = { ...CONSENT, askedBy: 'device:POS-001', confirmedBy: 'holder', code }

  it('says which code was entered', () => {
    expect(decodeConsent(encodeConsent(BY_CODE))).toEqual(BY_CODE)
  })

  it.each([
    ['by somebody else', { confirmedBy: 'user:moussa' }],
    ['for another device', { askedBy: 'device:POS-002' }],
    ['before the code was asked for', { code: { ...code, askedAtMs: GIVEN + 1 } }],
    ['after the code was over', { code: { ...code, askedAtMs: GIVEN - CODE_VALID_MS } }],
    ['with a code that is none', { code: { ...code, digits: '4183920' } }],
    ['with a word of a device beside it', { word: new Uint8Array(100) }],
  ])('is none when it is given %s', (_, over) => {
    expect(() => decodeConsent(encodeConsent({ ...BY_CODE, ...over }))).toThrow()
  })

  it('nobody is called the holder without one', () => {
    for (const over of [{ confirmedBy: 'holder' }, { askedBy: 'holder' }]) {
      expect(() => decodeConsent(encodeConsent({ ...CONSENT, ...over }))).toThrow()
    }
  })
})

describe('until when a key pays', () => {
  const kept = (over: Partial<KeptConsent> = {}): KeptConsent => {
    return { thumbprint: THUMBPRINT, givenAtMs: GIVEN, untilMs: UNTIL, withdrawnAtMs: null, ...over }
  }

  it('from the moment at which it was given', () => {
    expect(paysUntil([kept()], KID, GIVEN - 1)).toBeUndefined()
    expect(paysUntil([kept()], KID, GIVEN)).toBe(UNTIL)
  })

  it('what came before it was withdrawn stays paid, and nothing that comes then or later', () => {
    const consents = [kept({ withdrawnAtMs: GIVEN + DAY_MS })]
    expect(paysUntil(consents, KID, GIVEN + DAY_MS - 1)).toBe(UNTIL)
    expect(paysUntil(consents, KID, GIVEN + DAY_MS)).toBeUndefined()
  })

  it('what was taken before the end may come after it', () => {
    expect(paysUntil([kept()], KID, UNTIL + DAY_MS)).toBe(UNTIL)
  })

  it('not another key of the device', () => {
    expect(paysUntil([kept()], new Uint8Array(8), GIVEN)).toBeUndefined()
  })

  it('the latest of them counts', () => {
    expect(paysUntil([kept(), kept({ untilMs: UNTIL + 1 })], KID, GIVEN)).toBe(UNTIL + 1)
    expect(paysUntil([], KID, GIVEN)).toBeUndefined()
    expect(paysUntil([kept({ refusedAtMs: GIVEN + 1 })], KID, GIVEN), 'the ledger does not bear it out').toBeUndefined()
  })
})
