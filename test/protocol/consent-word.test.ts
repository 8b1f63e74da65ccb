import { beforeAll, describe, expect, it } from 'vitest'
import { type Consent, decodeConsent, encodeConsent } from '../../src/protocol/consent.ts'
import { decodeConsentRequest, encodeConsentRequest, parseConsentWord } from '../../src/protocol/consent-word.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { CONSENT_DAYS_MAX, CONSENT_REQUEST_BYTES_MAX } from '../../src/protocol/limits.ts'
import { DAY_MS } from '../../src/protocol/time.ts'
import { signConsentWord } from '../kit/consent-word.ts'
import { TestDevice } from '../kit/device.ts'

const NOW = Math.floor(Date.now() / 1000) * 1000
let phone: TestDevice
let next: TestDevice
beforeAll(async () => {
  phone = await TestDevice.create()
  next = await TestDevice.create(phone.ownerWallet)
})

const longest = {
  wallet: 'W'.repeat(64),
  deviceId: deviceId('D'.repeat(64)),
  thumbprint: new Uint8Array(32).fill(255),
}

describe('a request', () => {
  it('says which device asks, for which wallet, with which key', () => {
    const encoded = encodeConsentRequest(longest)
    expect(decodeConsentRequest(encoded)).toEqual(longest)
    expect(encoded.length).toBeLessThanOrEqual(CONSENT_REQUEST_BYTES_MAX)
  })
})

describe('a word', () => {
  it('says what was asked, until when, and who gives it; its longest fits one QR code', async () => {
    Object.assign(phone, { ownerWallet: phone.ownerWallet })
    const { claims, word } = parseConsentWord(await signConsentWord(phone, next))
    expect(claims).toMatchObject({ deviceId: phone.id, kid: phone.kid })
    expect(word).toMatchObject({ deviceId: next.id, wallet: phone.ownerWallet })
    const giver = Object.assign(await TestDevice.create(), { id: deviceId('G'.repeat(64)) })
    expect((await signConsentWord(giver, next, longest)).length).toBeLessThanOrEqual(400)
  })

  it.each([
    ['for longer than anybody may give', { madeAtMs: NOW, untilMs: NOW + (CONSENT_DAYS_MAX * DAY_MS + 1000) }],
    ['that ends before it begins', { madeAtMs: NOW, untilMs: NOW }],
    ['for a piece of a key', { thumbprint: new Uint8Array(31) }],
  ])('is none %s', async (_, over) => {
    const encoded = await signConsentWord(phone, next, over)
    expect(() => parseConsentWord(encoded)).toThrow()
  })

  it('of a device for itself is none', async () => {
    const encoded = await signConsentWord(phone, phone)
    expect(() => parseConsentWord(encoded)).toThrow()
  })
})

describe('a consent that a device gave', () => {
  const consent = async (over: Partial<Consent> = {}): Promise<Uint8Array> => {
    const word = await signConsentWord(phone, next)
    const { word: said } = parseConsentWord(word)
    const { wallet, deviceId: id, thumbprint, untilMs } = said
    const names = { askedBy: `device:${id}`, confirmedBy: `device:${phone.id}` }
    return encodeConsent({
      ...names,
      wallet,
      deviceId: id,
      thumbprint,
      untilMs,
      tenant: 'molam',
      givenAtMs: NOW,
      word,
      ...over,
    })
  }

  it('carries its word', async () => {
    const decoded = decodeConsent(await consent())
    expect(parseConsentWord(decoded.word ?? new Uint8Array()).claims.deviceId).toBe(phone.id)
  })

  it.each([
    ['another wallet', { wallet: 'W-ELSE' }],
    ['another key', { thumbprint: new Uint8Array(32) }],
    ['another device', { deviceId: deviceId('POS-ELSE'), askedBy: 'device:POS-ELSE' }],
    ['longer', { untilMs: NOW + 31 * DAY_MS }],
    ['the name of another giver', { confirmedBy: 'device:POS-ELSE' }],
    ['the name of a person', { confirmedBy: 'user:awa' }],
  ])('is none when it says %s than its word', async (_, over) => {
    const encoded = await consent(over)
    expect(() => decodeConsent(encoded)).toThrow()
  })

  it('is none without a word', async () => {
    const { word: _, ...bare } = decodeConsent(await consent())
    expect(() => decodeConsent(encodeConsent(bare))).toThrow()
  })
})
