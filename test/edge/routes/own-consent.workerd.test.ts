import { beforeEach, describe, expect, it } from 'vitest'
import { openConsent } from '../../../src/crypto/consent.ts'
import { trustedReceiptKeys } from '../../../src/crypto/receipt-keys.ts'
import { configOf } from '../../../src/edge/config.ts'
import { forgetDevices } from '../../../src/edge/ingest/identity-cache.ts'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { inObject, lostQueues, type Queues, readNotice, select } from '../../durable-objects/device/kit.ts'
import { signConsentWord } from '../../kit/consent-word.ts'
import { TestDevice } from '../../kit/device.ts'
import { signMandate } from '../../kit/mandate.ts'
import { signedBy } from '../../kit/payers.ts'
import { bindings, consentTo, keySet, ORIGIN, push, pushed, registered, registration, SELF } from '../kit.ts'
import { admin, call, ok, otherAdmin, refused } from './kit.ts'

/** A paying device of a wallet lets another one pay. */
const URL = `${ORIGIN}/offline/consents`
let phone: TestDevice
let next: TestDevice
let queues: Queues
beforeEach(async () => {
  queues = await lostQueues()
  phone = await registered()
  next = await ofWallet()
  queues.watch(next)
})

async function ofWallet(over: Record<string, unknown> = {}): Promise<TestDevice> {
  const device = await TestDevice.create(phone.ownerWallet)
  await ok(call(admin, 'POST', '/offline/devices', await registration(device, over)), 201)
  return device
}
const bring = async (word: Uint8Array, by = next) => {
  const body = JSON.stringify({ consent: toBase64url(word) })
  const authorization = `Molam-Device ${await by.proof('POST', URL, {}, body)}`
  return SELF.fetch(URL, { method: 'POST', headers: { 'content-type': 'application/json', authorization }, body })
}
async function paid(device = next): Promise<string> {
  const payment = device.payment({ type: 'p2p', sender: device.ownerWallet, receiver: 'W-OTHER' })
  const { receipt } = await pushed((await device.bundle([payment], await keySet())).bundle)
  const found = receipt.exceptions.find(({ counter }) => counter === payment.counter)
  return found === undefined ? 'accepted' : `${found.decision} ${found.reason}`
}
const reason = { reason: 'in other hands' }
const withdraw = (device: TestDevice) =>
  ok(call(admin, 'POST', `/offline/devices/${device.id}/consents/withdraw`, reason))

it('by the word of a paying device of its wallet a device pays, and the reconciler is told whose word it is', async () => {
  expect(await paid()).toBe('refused payer_not_proven')
  const word = await signConsentWord(phone, next)
  const { until } = await ok(bring(word))
  expect(await ok(bring(word)), 'again').toEqual({ until })
  expect(await paid()).toBe('accepted')
  expect(await readNotice(next)).toMatchObject({ paysUntilMs: until })
  const message = queues.settle.findLast(({ kind }) => kind === 'device')
  const stated = message?.kind === 'device' ? (message.consents ?? []) : []
  expect(stated).toHaveLength(1)
  const trusted = await trustedReceiptKeys(await configOf(bindings).keys())
  expect(await openConsent(stated[0]?.signed ?? new Uint8Array(), trusted)).toMatchObject({
    ...{ deviceId: next.id, confirmedBy: `device:${phone.id}`, untilMs: until, word },
  })
  const { consents } = await ok(call(admin, 'GET', `/offline/devices/${next.id}`))
  expect(consents.given).toMatchObject([{ asked_by: `device:${next.id}`, confirmed_by: `device:${phone.id}` }])
})

describe('it gives nothing', () => {
  it.each([
    ['for another wallet', { wallet: 'W-ELSE' }],
    ['for another key', { thumbprint: new Uint8Array(32) }],
    ['for another device', { deviceId: 'POS-ELSE' as never }],
  ])('%s', async (_, over) => {
    await refused(bring(await signConsentWord(phone, next, over)), 'invalid_signature')
    expect(await paid()).toBe('refused payer_not_proven')
  })

  it('when the device that gives it does not pay itself', async () => {
    await withdraw(phone)
    await refused(bring(await signConsentWord(phone, next)), 'consent_required')
  })

  it('when people have withdrawn the consent of the new device since, also where there was none', async () => {
    const [seen, later] = [await signConsentWord(phone, next), { madeAtMs: Math.ceil(Date.now() / 1000) * 1000 + 2000 }]
    expect((await withdraw(next)).given).toEqual([])
    await refused(bring(seen), 'state_conflict')
    expect(await paid()).toBe('refused payer_not_proven')
    await ok(bring(await signConsentWord(phone, next, later)))
  })

  it('when the device that gives it pays by a word itself', async () => {
    await ok(bring(await signConsentWord(phone, next)))
    const third = await ofWallet()
    await refused(bring(await signConsentWord(next, third), third), 'consent_required')
  })

  it('when it is of another wallet or of another tenant', async () => {
    const stranger = await registered()
    const asIfHis = { wallet: phone.ownerWallet }
    await refused(bring(await signConsentWord(stranger, next, asIfHis)), 'consent_required')
    const foreign = await ofWallet({ tenant: 'autre' })
    await consentTo(foreign)
    await refused(bring(await signConsentWord(foreign, next)), 'consent_required')
  })

  it('when another key signed it, or another device brings it', async () => {
    const forged = Object.assign(await TestDevice.create(phone.ownerWallet), { id: phone.id, kid: phone.kid })
    await refused(bring(await signConsentWord(forged, next)), 'invalid_signature')
    await refused(bring(await signConsentWord(phone, next), phone), 'invalid_signature')
  })

  it('for longer than the giver itself pays', async () => {
    const word = await signConsentWord(phone, next, { untilMs: Math.floor(Date.now() / 1000) * 1000 + 364 * DAY_MS })
    expect(await ok(bring(word))).toEqual({ until: phone.consentedAtMs + 300 * DAY_MS })
  })
})

it('what an administrator takes back no word gives again that was made before', async () => {
  const made = Math.floor(Date.now() / 1000) * 1000
  const [word, unused] = [
    await signConsentWord(phone, next),
    await signConsentWord(phone, next, { madeAtMs: made - 5000 }),
  ]
  const ahead = await signConsentWord(phone, next, { madeAtMs: made + 60_000 })
  await ok(bring(word))
  await ok(bring(ahead))
  await withdraw(next)
  for (const one of [word, unused, ahead]) await refused(bring(one), 'state_conflict')
  expect(await paid()).toBe('refused payer_not_proven')
})

describe('it ends when the device that gave it', () => {
  beforeEach(async () => {
    await ok(bring(await signConsentWord(phone, next)))
    expect(await paid()).toBe('accepted')
  })
  const ended = async () => {
    expect(await paid()).toBe('refused payer_not_proven')
    const message = queues.settle.findLast(({ kind }) => kind === 'device')
    expect(message?.kind === 'device' && message.consents?.[0]?.withdrawnAtMs).toBeGreaterThan(0)
    const audit = await select<{ action: string; actor: string }>(next, 'SELECT action, actor FROM audit ORDER BY id')
    expect(audit.at(-1)).toMatchObject({ action: 'consent_withdrawn', actor: 'system' })
  }

  it('is revoked', async () => {
    await ok(call(admin, 'POST', `/offline/devices/${phone.id}/revoke`, reason))
    await ended()
  })

  it('is suspended', async () => {
    await ok(call(admin, 'POST', `/offline/devices/${phone.id}/suspend`, reason))
    await ended()
  })

  it('has its own consent withdrawn', async () => {
    await withdraw(phone)
    await ended()
  })

  it('also for what it signs on another till', async () => {
    const till = await registered()
    const said = async () => {
      const payment = till.payment({ sender: next.ownerWallet, amount: amountMinor(20_000) })
      const signed = signedBy(next, payment)
      const { receipt } = await pushed((await till.bundle([signed], await keySet())).bundle)
      return receipt.exceptions.map(({ reason }) => reason)
    }
    // The worker knew it before it had any consent.
    forgetDevices()
    expect(await said()).toEqual([])
    await withdraw(phone)
    expect(await said()).toEqual(['payer_not_proven'])
  })

  it('and not because another word of it ended', async () => {
    const path = `/offline/devices/${next.id}/consents`
    const { asked } = await ok(call(admin, 'POST', path, reason), 201)
    await ok(call(otherAdmin, 'POST', `${path}/${asked.request}/confirm`, reason))
    await withdraw(phone)
    expect(await paid(), 'two people have given it meanwhile').toBe('accepted')
  })
})

it('while the device that gave it cannot be asked, nothing is decided, and the device tries again', async () => {
  await ok(bring(await signConsentWord(phone, next)))
  const silent = { identity: () => Promise.reject(new Error('the object is away')) }
  await inObject(next, (_, object) => {
    const { env } = object as unknown as { env: object }
    Object.assign(object, { env: { ...env, DEVICE: { idFromName: (name: string) => name, get: () => silent } } })
  })
  const { bundle } = await next.bundle([next.payment()], await keySet())
  const answer = await push(bundle)
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5'])
  const untilMs = Math.floor(Date.now() / 1000) * 1000 + DAY_MS
  const terms = { wallet: next.ownerWallet, currency: currency('XOF'), paymentMax: 1, dayMax: 1, untilMs, no: 1 }
  const mandate = toBase64url(await signMandate(next, terms))
  const headers = { 'content-type': 'application/json' }
  const given = await SELF.fetch(`${ORIGIN}/offline/mandates`, {
    ...{ method: 'POST', headers, body: JSON.stringify({ mandate }) },
  })
  expect(given.status).toBe(503)
  expect(await select(next, 'SELECT seq FROM bundles')).toEqual([])
  expect(await select(next, 'SELECT rev FROM mandates')).toEqual([])
})
