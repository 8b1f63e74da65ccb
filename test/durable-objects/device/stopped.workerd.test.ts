import { beforeEach, describe, expect, it } from 'vitest'
import type { DeviceObject } from '../../../durable-objects/device/device-object.ts'
import { type ClaimAnswer, parseClaimAnswer } from '../../../src/protocol/claims.ts'
import { parseConsentWord } from '../../../src/protocol/consent-word.ts'
import { parseMandate } from '../../../src/protocol/mandates.ts'
import type { DeviceStatus } from '../../../src/protocol/messages.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { registered, registration } from '../../edge/kit.ts'
import { admin, call, ok } from '../../edge/routes/kit.ts'
import { signAnswer } from '../../kit/claim-answer.ts'
import { signConsentWord } from '../../kit/consent-word.ts'
import { TestDevice } from '../../kit/device.ts'
import { signMandate } from '../../kit/mandate.ts'
import { askAbout, dumpObject, lostQueues, stubOf } from './kit.ts'

/**
 * The Worker lets a request through by a copy of the device's facts that may be seconds old. Its object knows better: who is
 * stopped, or signs with a key that is not the device's any more, says nothing for a wallet, and nothing is kept of the request.
 */
let phone: TestDevice
let giver: TestDevice
let other: TestDevice
beforeEach(async () => {
  const queues = await lostQueues()
  giver = await registered()
  phone = await TestDevice.create(giver.ownerWallet)
  await ok(call(admin, 'POST', '/offline/devices', await registration(phone)), 201)
  queues.watch(phone)
  other = Object.assign(await TestDevice.create(giver.ownerWallet), { id: phone.id })
})

const by = { requestId: 'r-1' } as const
const ops = { actor: 'user:ops', requestId: 'r-2' } as const
const nowS = () => Math.floor(Date.now() / 1000) * 1000
const answerOf = (n: number): ClaimAnswer => ({
  ...{ takerId: giver.id, counter: n, contentHash: new Uint8Array(32).fill(7), amount: amountMinor(2500) },
  ...{ choice: 'confirm', answeredAtMs: nowS() },
})
const mandateOf = (no: number) => ({
  ...{ wallet: phone.ownerWallet, currency: currency('XOF'), paymentMax: 1000, dayMax: 3000, no },
  untilMs: nowS() + 30 * DAY_MS,
})

/** Each thing that a device says, signed by the device itself or by another key in its name. */
type Say = (object: DurableObjectStub<DeviceObject>, signer: TestDevice) => Promise<unknown>
const SAYS: Record<string, Say> = {
  'an answer to a claim': async (object, signer) => {
    const bytes = await signAnswer(signer, answerOf(3))
    return object.answerClaim(parseClaimAnswer(bytes), bytes, by)
  },
  'a mandate': async (object, signer) => {
    const bytes = await signMandate(signer, mandateOf(1))
    return object.giveMandate(parseMandate(bytes), bytes, by)
  },
  'a request for a code': async (object, { kid }) => object.askCode(kid, by),
  'what was entered as a code': async (object, { kid }) => object.answerCode(kid, 1, '04183920', by),
  'the word of another device': async (object, signer) => {
    const bytes = await signConsentWord(giver, signer)
    return object.takeConsentWord(parseConsentWord(bytes), bytes, { untilMs: nowS() + DAY_MS, atMs: Date.now() }, by)
  },
}

describe.each(Object.entries(SAYS))('%s', (_, say) => {
  it.each<[DeviceStatus, string]>([
    ['suspended', 'device_suspended'],
    ['revoked', 'device_revoked'],
  ])('of a device that is %s', async (status, error) => {
    await stubOf(phone).setStatus(status, ops, 'lost')
    const before = await dumpObject(phone)
    expect(await say(stubOf(phone), phone)).toEqual({ ok: false, error })
    expect(await dumpObject(phone)).toBe(before)
  })

  it('by a key that is not the device’s', async () => {
    const before = await dumpObject(phone)
    expect(await say(stubOf(phone), other)).toEqual({ ok: false, error: 'invalid_signature' })
    expect(await dumpObject(phone)).toBe(before)
  })
})

it('an operator asks no consent for a device that is revoked, and confirms none', async () => {
  const asked = '01JDMX7Q0000000000000000ZZ'
  await stubOf(phone).askConsent(asked, Date.now() + DAY_MS, { ...ops, actor: 'user:ask' }, 'ours')
  await stubOf(phone).setStatus('revoked', ops, 'stolen')
  const refused = { ok: false, error: 'state_conflict' }
  expect(await stubOf(phone).confirmConsent(asked, ops, 'ours')).toEqual(refused)
  expect(await stubOf(phone).askConsent(asked, Date.now() + DAY_MS, ops, 'ours')).toEqual(refused)
})

it('what a phone says without end is kept up to a bound while nobody takes it, and all that was kept stays', async () => {
  const paying = await registered()
  const mandates = async (no: number) => {
    const bytes = await signMandate(paying, { ...mandateOf(no), wallet: paying.ownerWallet })
    return (await stubOf(paying).giveMandate(parseMandate(bytes), bytes, by)).ok
  }
  const given = []
  for (let no = 1; no <= 21; no++) given.push(await mandates(no))
  expect(given).toEqual([...Array(20).fill(true), false])
  const answer = async (n: number) => {
    await askAbout(paying, n, answerOf(n))
    const bytes = await signAnswer(paying, answerOf(n))
    return stubOf(paying).answerClaim(parseClaimAnswer(bytes), bytes, by)
  }
  for (let n = 1; n <= 200; n++) expect(await answer(n)).toMatchObject({ ok: true })
  expect(await answer(201)).toEqual({ ok: false, error: 'rate_limited' })
  expect(await answer(1), 'again').toEqual({ ok: true, value: 'confirm' })
})
