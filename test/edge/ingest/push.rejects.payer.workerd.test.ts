import { beforeAll, beforeEach, expect, it } from 'vitest'
import { compressKey } from '../../../src/crypto/compressed-key.ts'
import { forgetDevices } from '../../../src/edge/ingest/identity-cache.ts'
import { utf8 } from '../../../src/protocol/bytes.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { recordQueues, stubOf } from '../../durable-objects/device/kit.ts'
import type { Bent } from '../../kit/authorization.ts'
import { authorized, unverified } from '../../kit/authorization.ts'
import { TestDevice } from '../../kit/device.ts'
import { signedBy as signedByPayer } from '../../kit/payers.ts'
import { bindings, consentTo, fetchWith, keySet, pushed, pushInit, receiptOf, registered } from '../kit.ts'

/** What the payer's authorization says is said in the receipt, and not seconds later by the book. */
let keys: KeySet
let till: TestDevice
let phone: TestDevice

beforeAll(async () => {
  await recordQueues()
  keys = await keySet()
})
beforeEach(async () => {
  till = await registered()
  phone = await registered()
})

const asked = (over: Partial<Payment> = {}) =>
  till.payment({ amount: amountMinor(10_001), sender: phone.ownerWallet, ...over })
const signedBy = (payment: Payment, payer = phone, over: Partial<Payment> = {}, bent: Bent = {}) =>
  signedByPayer(payer, payment, { over, ...bent })
const saidOf = async (...payments: Payment[]) => (await pushed((await till.bundle(payments, keys)).bundle)).receipt
/** A pass for the phone's wallet, whoever has it: the edge gives none like it. */
const ofPhone = (): Bent => ({ pass: { wallet: phone.ownerWallet } })
const USES_UP: Bent = { header: { covered: { n: 1, spent: amountMinor(10_001) } } }
const LAST_MONTH = {
  fromMs: 1000 * Math.floor(Date.now() / 1000) - 30 * DAY_MS,
  untilMs: 1000 * Math.floor(Date.now() / 1000) - 23 * DAY_MS,
}
const UNPROVEN = (counter: number) => ({ counter, decision: 'refused', reason: 'payer_not_proven' })

it.each([
  ['garbage', async (one: Payment) => ({ ...one, authorization: utf8('hello') })],
  ['nothing', async (one: Payment) => ({ ...one, authorization: new Uint8Array() })],
  ['the word for another amount', (one: Payment) => signedBy(one, phone, { amount: amountMinor(10_002) })],
  ['the word for another receiver', (one: Payment) => signedBy(one, phone, { receiver: 'W-ELSE' })],
  ['the word for another taker', async (one: Payment) => authorized(phone, one, phone.id)],
  ['the word under a pass of nobody', async (one: Payment) => ({ ...unverified(one), counter: one.counter })],
  ['a word that uses up an allowance that the pass has not', (one: Payment) => signedBy(one, phone, {}, USES_UP)],
  ['the word under a pass of last month', (one: Payment) => signedBy(one, phone, {}, { pass: LAST_MONTH })],
  [
    'the word under a pass for less',
    (one: Payment) => signedBy(one, phone, {}, { pass: { paymentMax: amountMinor(10_000) } }),
  ],
  ['the word of the till itself', (one: Payment) => signedBy(one, till, {}, ofPhone())],
  ['the word of a phone of somebody else', async (one: Payment) => signedBy(one, await registered(), {}, ofPhone())],
  [
    'a signature that was made with another key',
    async (one: Payment) => {
      const forger = Object.assign(await TestDevice.create(phone.ownerWallet), { id: phone.id })
      return signedBy(one, forger, {}, { pass: { key: compressKey(phone.signer.key) as Uint8Array } })
    },
  ],
])('%s in the place of the payer’s: that payment is refused, and the others are not', async (_, bend) => {
  const [good, bad, small] = [await signedBy(asked()), await bend(asked()), till.payment()]
  const receipt = await saidOf(good, bad, small)
  expect(receipt.exceptions).toEqual([UNPROVEN(2)])
})

it('a phone that is suspended, or whose key somebody else may have, says nothing', async () => {
  expect((await saidOf(await signedBy(asked()))).exceptions).toEqual([])
  await stubOf(phone).setStatus('suspended', { actor: 'user:ops' }, 'test')
  forgetDevices()
  expect((await saidOf(await signedBy(asked()))).exceptions).toEqual([UNPROVEN(2)])
  await stubOf(phone).setStatus('active', { actor: 'user:ops' }, 'test')
  expect((await saidOf(await signedBy(asked()))).exceptions, 'at once').toEqual([])
})

it('what a phone has signed under an allowance stands once it is suspended: money is held for that', async () => {
  const covered = (payment: Payment, by = phone, over: Bent = {}) =>
    signedByPayer(by, payment, {
      header: { covered: { n: 1, spent: payment.amount } },
      pass: { allowance: { no: 1, ceiling: amountMinor(20_000) }, ...over.pass },
    })
  await stubOf(phone).setStatus('suspended', { actor: 'user:ops' }, 'test')
  forgetDevices()
  const forger = Object.assign(await TestDevice.create(phone.ownerWallet), { id: phone.id })
  const ofPhonesKey: Bent = { pass: { key: compressKey(phone.signer.key) as Uint8Array } }
  const [good, forged, plain] = [asked(), asked(), asked()]
  const said = await saidOf(covered(good), covered(forged, forger, ofPhonesKey), await signedBy(plain))
  expect(said.exceptions).toEqual([UNPROVEN(2), UNPROVEN(3)])
})

it('a key that was revoked is refused; one that is as new as a moment ago is known', async () => {
  expect((await saidOf(await signedBy(asked()))).exceptions).toEqual([])
  const newer = Object.assign(await TestDevice.create(phone.ownerWallet), { id: phone.id })
  const { alg, bytes: publicKey } = newer.signer.key
  await stubOf(phone).rotateKey({ alg, publicKey, kid: newer.kid }, 'revoked', { actor: 'user:ops' })
  // Consent was about the key before: nobody has asked the holder about this one.
  expect((await saidOf(await signedBy(asked(), newer))).exceptions).toEqual([UNPROVEN(2)])
  await consentTo(newer)
  expect((await saidOf(await signedBy(asked(), newer))).exceptions, 'at once').toEqual([])
  expect((await saidOf(await signedBy(asked()))).exceptions).toEqual([UNPROVEN(4)])
})

it('a phone that is not known here may still come: its payment is taken', async () => {
  const unknown = await TestDevice.create()
  const receipt = await saidOf(await signedBy(asked(), unknown))
  expect(receipt.exceptions).toEqual([])
})

it('a phone whose object does not answer holds nothing up', async () => {
  const silent = stubOf(phone).id.toString()
  const DEVICE = {
    idFromName: (name: string) => bindings.DEVICE.idFromName(name),
    get: (id: DurableObjectId) =>
      id.toString() === silent ? { identity: () => new Promise(() => {}) } : bindings.DEVICE.get(id),
  }
  const { bundle } = await till.bundle([await signedBy(asked())], keys)
  forgetDevices()
  const response = await fetchWith({ DEVICE } as object, '/offline/push', pushInit(bundle) as RequestInit)
  expect((await receiptOf(response)).receipt.exceptions).toEqual([])
})

it('of as many payers as a bundle may have no more than thirty-two are asked', async () => {
  let reads = 0
  const DEVICE = {
    idFromName: (name: string) => bindings.DEVICE.idFromName(name),
    get: (id: DurableObjectId) => {
      const stub = bindings.DEVICE.get(id)
      return {
        admit: (request: never) => stub.admit(request),
        identity: () => {
          reads++
          return stub.identity()
        },
      }
    },
  }
  const payments = await Promise.all(
    Array.from({ length: 40 }, async () => signedBy(asked(), await TestDevice.create())),
  )
  const { bundle } = await till.bundle(payments, keys)
  const response = await fetchWith({ DEVICE } as object, '/offline/push', pushInit(bundle) as RequestInit)
  expect(response.status).toBe(200)
  expect(reads).toBe(1 + 32)
})
