import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { verify } from '../../../reconciler/commands/verify.ts'
import { openLog } from '../../../reconciler/log.ts'
import type { Reconciler } from '../../../reconciler/run.ts'
import { contentHash } from '../../../reconciler/settle/content-hash.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import type { ClaimChoice } from '../../../src/protocol/claims.ts'
import type { SettleMessage } from '../../../src/protocol/messages.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { signAnswer } from '../../kit/claim-answer.ts'
import type { TestDevice } from '../../kit/device.ts'
import { signMandate } from '../../kit/mandate.ts'
import { signedBy } from '../../kit/payers.ts'
import { call, tamper } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, type World } from '../kit.ts'

/** One row that nobody has signed, put there with a login of ours: it moves nothing, people are told, and all the rest goes on. */
const db = useDatabase()
let world: World
let worker: Reconciler
let shop: TestDevice
let phone: TestDevice
let neighbour: TestDevice
let alarms: object[]

beforeAll(async () => {
  world = await makeWorld(db())
  const log = { ...openLog('silent'), error: (fields: object) => void alarms.push(fields) }
  worker = await world.reconciler(undefined, log as never)
})
afterAll(() => world.close())
beforeEach(async () => {
  alarms = []
  shop = Object.assign(await world.device(), { signsForPayers: false })
  ;[phone, neighbour] = [await world.device('customer', 10_000), await world.device('customer', 10_000)]
  world.network.send(world.facts(shop), world.facts(phone), world.facts(neighbour))
  await settle()
})

const settle = () => world.settle(worker)
const seal = async (message: SettleMessage) => {
  const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
  return sealSettleMessage(message, async () => keys)
}
async function mandate(by: TestDevice, paymentMax: number): Promise<Uint8Array> {
  const untilMs = Math.floor(world.now / 1000) * 1000 + 30 * DAY_MS
  const terms = { wallet: by.ownerWallet, currency: currency('XOF'), paymentMax, dayMax: paymentMax, untilMs, no: 1 }
  return seal({
    ...{ kind: 'mandate', deviceId: by.id, rev: 1, atMs: world.now, factsRev: 1 },
    mandate: await signMandate(by, terms),
  })
}
async function answer(payment: Payment, by: TestDevice, choice: ClaimChoice, rev = 1): Promise<Uint8Array> {
  const signed = await sign(payment, by, choice)
  return seal({ kind: 'claim_answer', deviceId: by.id, rev, answer: signed, factsRev: 1 })
}
const sign = async (payment: Payment, by: TestDevice, choice: ClaimChoice) =>
  signAnswer(by, {
    ...{ takerId: shop.id, counter: payment.counter, amount: payment.amount, choice, answeredAtMs: world.now },
    contentHash: await contentHash(payment),
  })
/** What the shop takes from them without their word, in one bundle. */
async function take(...from: readonly TestDevice[]): Promise<readonly Payment[]> {
  const initiatedAtMs = Math.floor(world.now / 1000) * 1000
  const payments = from.map(({ ownerWallet: sender }) =>
    shop.payment({ sender, amount: amountMinor(1000), initiatedAtMs }),
  )
  const exceptions = payments.map(({ counter }) => ({ counter, decision: 'claimed' }) as const)
  world.network.send(await world.admit(shop, payments, exceptions))
  await settle()
  return payments
}
const statuses = async () => {
  const { rows } = await db().app.query(
    'SELECT status, reason FROM offline_transactions WHERE device_id = $1 ORDER BY counter',
    [shop.id],
  )
  return rows.map(({ status, reason }) => (reason ? `${status}: ${reason}` : status))
}
const wrong = async () => {
  const { findings } = JSON.parse((await call(verify, ['--json'], world)).output)
  return findings.filter(({ found }: { found: number }) => found > 0).map(({ check }: { check: string }) => check)
}

test('a mandate: the claim waits for its payer, and one that another wallet’s mandate has room for is posted', async () => {
  world.network.send(mandate(phone, 100), mandate(neighbour, 1000))
  await settle()
  const set = (max: number) =>
    tamper(
      db().ownerUrl,
      `UPDATE offline_mandates SET payment_max_minor = ${max}, day_max_minor = ${max} WHERE payer_device_id = '${phone.id}'`,
    )
  await set(2000)
  await take(phone, neighbour)
  expect(await statuses()).toEqual(['claimed', 'succeeded: mandated'])
  expect(await db().balance(phone.ownerWallet)).toBe(10_000)
  expect(alarms).toEqual([{ notBelieved: 'mandate', deviceId: phone.id, rev: 1 }])
  await set(100)
  expect(await wrong()).toEqual([])
})

test('an answer: the claim waits for its payer, and the till’s others end', async () => {
  const [asked, other] = await take(phone, neighbour)
  if (asked === undefined || other === undefined) throw new Error('nothing was taken')
  const { counter, amount } = asked
  await db().owner.query(
    `INSERT INTO offline_claim_answers (payer_device_id, rev, device_id, counter, content_hash, amount_minor, choice, payer_wallet,
       answer, recorded_at) VALUES ($1, 99, $2, $3, $4, $5, 'confirm', $6, $7, $8)`,
    [
      ...[phone.id, shop.id, counter, Buffer.from(await contentHash(asked)), amount, phone.ownerWallet],
      ...[await sign(asked, phone, 'refuse'), new Date(world.now)],
    ],
  )
  world.network.send(answer(other, neighbour, 'confirm'))
  await settle()
  expect(await statuses()).toEqual(['claimed', 'succeeded'])
  expect(await db().balance(phone.ownerWallet)).toBe(10_000)
  expect(alarms).toEqual([{ notBelieved: 'claim_answer', deviceId: phone.id, rev: 99 }])
  world.network.send(answer(asked, phone, 'confirm'))
  await settle()
  expect(await statuses()).toEqual(['succeeded', 'succeeded'])
  expect(await wrong(), 'the edge was never told of it').toEqual(['bundles_owed'])
  await tamper(db().ownerUrl, 'DELETE FROM offline_claim_answers WHERE rev = 99')
  expect(await wrong()).toEqual([])
})

test('a resolution: its payment waits, and people’s word about the device’s others is carried out', async () => {
  shop.signsForPayers = true
  const payments = [shop.payment({ sender: phone.ownerWallet }), shop.payment({ sender: neighbour.ownerWallet })]
  const signed = [signedBy(phone, payments[0] as Payment), signedBy(neighbour, payments[1] as Payment)]
  const made = await shop.bundle(signed, world.keySet)
  const exceptions = payments.map(({ counter }) => ({ counter, decision: 'review', reason: 'risk_review' }) as const)
  world.network.send(await world.admitMade(made, signed, { exceptions, status: 'review' }))
  await settle()
  const two = { actors: ['user:anna', 'user:bo'] }
  world.network.send(world.review(made, 1, { 2: 'approve' }, two))
  await tamper(
    db().ownerUrl,
    `INSERT INTO offline_resolutions (device_id, rev, counter, bundle_id, choice, actors, content_hash, message, decided_at,
       recorded_at) SELECT device_id, 9, 1, bundle_id, 'approve', '{user:eve,user:mallory}', sha256('x'), 'x', now(), now()
     FROM offline_tx_bundles WHERE device_id = '${shop.id}'`,
  )
  await settle()
  expect(await statuses()).toEqual(['review: risk_review', 'succeeded'])
  expect(alarms).toContainEqual({ notBelieved: 'resolution', deviceId: shop.id, rev: 9, counter: 1 })
  expect(await wrong()).toContain('resolution_evidence')
  await tamper(db().ownerUrl, `DELETE FROM offline_resolutions WHERE device_id = '${shop.id}' AND rev = 9`)
  world.network.send(world.review(made, 2, { 1: 'reject' }, two))
  await settle()
  expect(await statuses()).toEqual(['failed: reviewer_rejected', 'succeeded'])
  expect(await wrong()).toEqual([])
})

test('a key and a consent that are none: the device’s own go on', async () => {
  const row = `WHERE device_id = '${phone.id}'`
  await tamper(
    db().ownerUrl,
    `INSERT INTO offline_device_keys (device_id, kid, alg, public_key, since_rev, state, state_at)
       VALUES ('${phone.id}', '\\x0102030405060708', -7, '\\x01', 1, 'replaced', now());
     INSERT INTO offline_wallet_consents (device_id, digest, thumbprint, wallet, tenant, asked_by, confirmed_by, giver, by_holder,
       given_at, until_at, signed, recorded_at)
       SELECT device_id, sha256('x'), thumbprint, wallet, tenant, 'device:' || device_id, 'device:POS-ELSE', 'POS-ELSE', false, given_at,
         until_at, 'x', now() FROM offline_wallet_consents ${row}`,
  )
  const signed = signedBy(phone, shop.payment({ sender: phone.ownerWallet }))
  world.network.send(await world.admit(shop, [signed]))
  await settle()
  expect(await statuses()).toEqual(['succeeded'])
  expect(await wrong()).toEqual(['device_evidence'])
  await tamper(
    db().ownerUrl,
    `DELETE FROM offline_device_keys ${row} AND kid = '\\x0102030405060708';
     DELETE FROM offline_wallet_consents ${row} AND giver = 'POS-ELSE'`,
  )
  expect(await wrong()).toEqual([])
})
