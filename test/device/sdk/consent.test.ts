import { beforeEach, describe, expect, it } from 'vitest'
import { verifySign1 } from '../../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { type OfflineSDK, readConsentRequest } from '../../../src/device/sdk/index.ts'
import { decodeConsentRequest, encodeConsentRequest, parseConsentWord } from '../../../src/protocol/consent-word.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { signConsentWord } from '../../kit/consent-word.ts'
import { TestDevice } from '../../kit/device.ts'
import { DEVICE, OWNER } from './edge.ts'
import { Rig } from './rig.ts'

/** Two devices of one wallet: the new one shows, the paying one signs, the new one brings it. */
let rig: Rig
let sdk: OfflineSDK
beforeEach(async () => {
  rig = await Rig.create()
  sdk = await rig.started()
})

const request = (over: object = {}) =>
  encodeConsentRequest({
    wallet: OWNER,
    deviceId: deviceId('POS-NEW'),
    thumbprint: new Uint8Array(32).fill(3),
    ...over,
  })

describe('the device that pays', () => {
  it('signs what the other one shows, without a network, until its own consent ends at the latest', async () => {
    rig.edge.weather = 'offline'
    expect(readConsentRequest(request())).toEqual({ deviceId: 'POS-NEW', wallet: OWNER })
    const signed = parseConsentWord(await sdk.consentTo(request(), { validDays: 30 }))
    expect(signed.claims.deviceId).toBe(DEVICE)
    expect(signed.word).toMatchObject({ wallet: OWNER, deviceId: 'POS-NEW', thumbprint: new Uint8Array(32).fill(3) })
    expect(signed.word.untilMs - signed.word.madeAtMs).toBe(30 * DAY_MS)
    const own = decodeConsentRequest(await sdk.consentRequest())
    expect(signed.claims.kid).toEqual(own.thumbprint.slice(0, 8))
  })

  it('signs for no longer than it pays itself', async () => {
    rig.edge.paysUntilMs = Math.floor(rig.timeMs / 1000) * 1000 + 3_600_000
    await sdk.syncNow()
    expect(parseConsentWord(await sdk.consentTo(request())).word.untilMs).toBe(rig.edge.paysUntilMs)
  })

  it('signs nothing for another wallet, for itself, or for what is no request', async () => {
    for (const wrong of [request({ wallet: 'W-ELSE' }), request({ deviceId: DEVICE }), new Uint8Array([1, 2, 3])]) {
      await expect(sdk.consentTo(wrong)).rejects.toMatchObject({ code: 'consent_invalid' })
    }
    expect(readConsentRequest(new Uint8Array([1, 2, 3]))).toBeUndefined()
  })

  it('signs nothing without consent of its own', async () => {
    rig.edge.paysUntilMs = undefined
    await sdk.syncNow()
    await expect(sdk.consentTo(request())).rejects.toMatchObject({ code: 'consent_required' })
  })
})

describe('the new device', () => {
  let giver: TestDevice
  const word = async (over: object = {}) => {
    giver = await TestDevice.create(OWNER)
    const { deviceId: id, thumbprint } = decodeConsentRequest(await sdk.consentRequest())
    const madeAtMs = Math.floor(rig.timeMs / 1000) * 1000
    const about = { deviceId: id, thumbprint, madeAtMs, untilMs: madeAtMs + DAY_MS }
    return signConsentWord(giver, giver, { ...about, ...over })
  }

  it('brings it to the edge as it was signed, proves itself with its key, and is told until when it pays', async () => {
    rig.edge.paysUntilMs = undefined
    await sdk.syncNow()
    const encoded = await word()
    await sdk.useConsent(encoded)
    const { word: said, ...parts } = parseConsentWord(encoded)
    expect(sdk.profile?.paysUntilMs).toBe(said.untilMs)
    const verifier = await webCryptoSuite.verifier(giver.signer.key)
    expect(await verifySign1(verifier, parts, 'molam-wallet-consent-v1')).toBe(true)
  })

  it('brings none that is for another device, key or wallet', async () => {
    const asked = rig.edge.requests.length
    for (const over of [{ deviceId: 'POS-ELSE' }, { thumbprint: new Uint8Array(32) }, { wallet: 'W-ELSE' }]) {
      await expect(sdk.useConsent(await word(over))).rejects.toMatchObject({ code: 'consent_invalid' })
    }
    expect(rig.edge.requests.length).toBe(asked)
  })

  it('may bring it again when no answer came', async () => {
    rig.edge.paysUntilMs = undefined
    await sdk.syncNow()
    const encoded = await word()
    rig.edge.faults = ['lost']
    await expect(sdk.useConsent(encoded)).rejects.toMatchObject({ code: 'network_failed' })
    await sdk.useConsent(encoded)
    expect(sdk.profile?.paysUntilMs).toBeGreaterThan(0)
  })
})
