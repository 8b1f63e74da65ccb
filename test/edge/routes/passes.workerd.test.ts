import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { openPass } from '../../../src/crypto/pass.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { configOf } from '../../../src/edge/config.ts'
import { forgetDenied } from '../../../src/edge/ingest/denied-passes.ts'
import { toHex } from '../../../src/protocol/bytes.ts'
import { decodeNotice, type Notice } from '../../../src/protocol/notice.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { listed, recordQueues, stubOf } from '../../durable-objects/device/kit.ts'
import { TestDevice } from '../../kit/device.ts'
import { asPerson, bindings, keySet, ORIGIN, pushed, registered, SELF, verified } from '../kit.ts'

/** Passes of payers' phones in their notices, and what takers are told when a phone is stopped. */
const URL = `${ORIGIN}/offline/notice`
const OPS = { actor: 'user:ops' }
let phone: TestDevice
let till: TestDevice
let restore: () => void

beforeAll(async () => {
  ;({ restore } = await recordQueues())
})
afterAll(() => restore())
beforeEach(async () => {
  ;[phone, till] = [await registered(), await registered()]
})

async function notice(device: TestDevice, headers: Record<string, string> = {}): Promise<Notice> {
  const authorization = `Molam-Device ${await device.proof('GET', URL)}`
  const sent = { authorization, accept: 'application/cbor', 'molam-cursor': '0', ...headers }
  const response = await SELF.fetch(URL, { headers: sent })
  expect(response.status).toBe(200)
  return decodeNotice(await verified(await response.bytes(), 'molam-notice-v1'))
}
const askPass = async (device: TestDevice) => (await notice(device, { 'molam-pass': '1' })).pass
const opened = async (pass: Uint8Array | undefined) =>
  pass && openPass(webCryptoSuite, pass, await configOf(bindings).trusted())

/** What the till is told of the phone's key after a version. */
async function toldOf(device: TestDevice, since = 0) {
  // The phone's object tells the object of the country by itself; here it has done so.
  await listed(phone)
  forgetDenied()
  const { denied = [] } = await notice(till, { 'molam-denied-version': String(since) })
  return denied.find(({ kid }) => toHex(kid) === toHex(device.kid))
}

describe('a pass', () => {
  it('is for a device that asks, that there is consent for, and is about its key and its wallet', async () => {
    expect((await notice(phone)).pass).toBeUndefined()
    const { pass, kid } = (await opened(await askPass(phone))) ?? {}
    expect(pass).toMatchObject({ wallet: phone.ownerWallet, deviceId: phone.id, currency: 'XOF', level: 'none' })
    expect(toHex(kid ?? new Uint8Array())).toBe(toHex(phone.kid))
    expect(pass?.allowance).toBeUndefined()
    expect((pass?.untilMs ?? 0) - (pass?.fromMs ?? 0)).toBe(7 * DAY_MS)
    expect(Math.abs((pass?.fromMs ?? 0) - Date.now())).toBeLessThan(60_000)
  })

  it('comes with the answer to a push, too, and never through a relay', async () => {
    const keys = await keySet()
    const { notice } = await pushed((await phone.bundle([phone.payment()], keys)).bundle, { 'molam-pass': '1' })
    expect(notice.pass).toBeDefined()
    const relayed = await phone.bundle([phone.payment()], keys, { relay: true })
    expect((await pushed(relayed.bundle, { 'molam-pass': '1' })).notice.pass).toBeUndefined()
  })

  it('is for nobody whose consent is withdrawn, and for no suspended device', async () => {
    await stubOf(phone).setStatus('suspended', OPS, 'test')
    expect(await askPass(phone)).toBeUndefined()
    await stubOf(phone).setStatus('active', OPS, 'test')
    expect(await askPass(phone)).toBeDefined()
    const path = `/offline/devices/${phone.id}/consents/withdraw`
    expect((await asPerson('POST', path, { reason: 'lost' })).status).toBe(200)
    expect(await askPass(phone)).toBeUndefined()
  })

  it('is asked for with 1, and with no other number', async () => {
    const authorization = `Molam-Device ${await phone.proof('GET', URL)}`
    for (const wrong of ['2', 'yes', '-1']) {
      const response = await SELF.fetch(URL, { headers: { authorization, 'molam-pass': wrong } })
      expect([wrong, response.status]).toEqual([wrong, 400])
    }
  })
})

describe('takers are told of a phone that has a pass', () => {
  it('when it is suspended, and when it may pay again: each change once', async () => {
    const until = (await opened(await askPass(phone)))?.pass.untilMs ?? 0
    expect(await toldOf(phone)).toBeUndefined()
    await stubOf(phone).setStatus('suspended', OPS, 'test')
    const stopped = await toldOf(phone)
    expect(stopped).toMatchObject({ isDenied: true })
    expect(stopped?.untilMs).toBeGreaterThanOrEqual(until)
    expect(await toldOf(phone, stopped?.version)).toBeUndefined()
    await stubOf(phone).setStatus('active', OPS, 'test')
    const again = await toldOf(phone, stopped?.version)
    expect(again).toMatchObject({ isDenied: false })
    expect(again?.version).toBeGreaterThan(stopped?.version ?? 0)
    expect(await toldOf(phone, again?.version)).toBeUndefined()
  })

  it('when its key is in other hands, and not when it has only got a new one', async () => {
    await askPass(phone)
    const rotated = async (fate: 'retiring' | 'revoked') => {
      const { alg, bytes: publicKey } = (await TestDevice.create()).signer.key
      const kid = crypto.getRandomValues(new Uint8Array(8))
      await stubOf(phone).rotateKey({ alg, publicKey, kid }, fate, OPS)
    }
    await rotated('retiring')
    expect(await toldOf(phone)).toBeUndefined()
    await rotated('revoked')
    expect(await toldOf(phone)).toMatchObject({ isDenied: true })
  })

  it('when the consent that it rests on is withdrawn', async () => {
    await askPass(phone)
    const path = `/offline/devices/${phone.id}/consents/withdraw`
    expect((await asPerson('POST', path, { reason: 'lost' })).status).toBe(200)
    expect(await toldOf(phone)).toMatchObject({ isDenied: true })
  })

  it('and of none that never had one', async () => {
    await stubOf(phone).setStatus('revoked', OPS, 'test')
    expect(await toldOf(phone)).toBeUndefined()
  })
})
