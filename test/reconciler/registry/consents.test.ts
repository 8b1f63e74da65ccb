import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verify } from '../../../reconciler/commands/verify.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { call, tamper } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

/** The edge has signed that a device pays out of its owner's wallet: the book asks the ledger, and believes no row. */
const db = useDatabase()
let world: World
let shop: string
let payee: string
beforeAll(async () => {
  world = await makeWorld(db())
  shop = newWallet()
  payee = newWallet()
  await db().open(shop, 1_000_000, { kind: 'merchant' })
  await db().open(payee)
})
afterAll(() => world.close())

async function tillOf(ownerWallet = shop, over: Parameters<World['facts']>[1] = {}): Promise<TestDevice> {
  const device = Object.assign(await TestDevice.create(), { ownerWallet })
  device.hasConsent = over.consents === undefined
  world.network.send(world.facts(device, over))
  await world.settle()
  return device
}
/** No two alike: those would be taken for one. */
let francs = 1000
const pays = (device: TestDevice, over: Partial<Payment> = {}) =>
  device.payment({ type: 'p2p', sender: device.ownerWallet, receiver: payee, amount: amountMinor(francs++), ...over })

/** @param newer what the edge says of the device since: without it a bundle waits for what may still come */
async function settled(device: TestDevice, payment: Payment, newer?: Parameters<World['facts']>[1]): Promise<string> {
  const admitted = await world.admit(device, [payment])
  world.now += 1000
  if (newer) world.network.send(await world.facts(device, newer))
  world.network.send(admitted)
  await world.settle()
  return outcomeOf(device, payment)
}
function outcomeOf(device: TestDevice, payment: Payment): string {
  const outcome = world.network.outcomes(device.id).findLast(({ counter }) => counter === payment.counter)
  return outcome?.reason ?? outcome?.status ?? 'waiting'
}
const wrong = async () => {
  const { findings } = JSON.parse((await call(verify, ['--json'], world)).output)
  return findings.filter(({ found }: { found: number }) => found > 0).map(({ check }: { check: string }) => check)
}

test('a merchant’s and an agent’s device pays by the consent of its tenant', async () => {
  const agent = await world.device('agent', 10_000)
  world.network.send(world.facts(agent))
  await world.settle()
  for (const device of [await tillOf(), agent]) expect(await settled(device, pays(device))).toBe('succeeded')
  expect(await wrong()).toEqual([])
})

describe('nothing moves by the word of a device', () => {
  test('for a customer’s wallet, whatever its tenant says', async () => {
    const customer = Object.assign(await world.device('customer', 10_000), { isTenants: true })
    world.network.send(world.facts(customer))
    await world.settle()
    expect(await settled(customer, pays(customer))).toBe('payer_not_proven')
    expect(await db().balance(customer.ownerWallet)).toBe(10_000)
  })

  test('with consent of a tenant that the ledger does not name for the wallet', async () => {
    const device = await tillOf(shop, { tenant: 'autre' })
    expect(await settled(device, pays(device))).toBe('payer_not_proven')
  })

  test('for another key than the consent names', async () => {
    const device = await tillOf()
    const next = await TestDevice.create()
    const old = { alg: -7, kid: device.kid, publicKey: device.signer.key.bytes, fate: 'replaced' } as const
    const facts = { rev: 2, kid: next.kid, publicKey: next.signer.key.bytes, olderKeys: [old] }
    const consents = [await world.consent(device)]
    world.network.send(await world.facts(device, { ...facts, consents }))
    await world.settle()
    Object.assign(device, { signer: next.signer, kid: next.kid })
    expect(await settled(device, pays(device), { ...facts, consents, rev: 3 })).toBe('payer_not_proven')
  })

  test('after the end of its consent, by the payment’s own date', async () => {
    const device = await TestDevice.create()
    const untilMs = Math.floor(world.now / 1000) * 1000 - 3_600_000
    const stated = await world.consent(Object.assign(device, { ownerWallet: shop }), { untilMs })
    device.hasConsent = false
    const late = pays(device, { initiatedAtMs: untilMs + 1000 })
    expect(await settled(device, late, { consents: [stated] })).toBe('payer_not_proven')
    expect(await settled(device, pays(device, { initiatedAtMs: untilMs }))).toBe('succeeded')
  })
})

test('what the edge admitted before the withdrawal is posted, also when it comes after it; what came later is not', async () => {
  const device = await tillOf()
  const [before, after] = [pays(device), pays(device)]
  const admitted = await world.admit(device, [before])
  const stated = await world.consent(device)
  world.now += 1000
  const withdrawn = { ...stated, withdrawnAtMs: world.now }
  const late = await world.admit(device, [after])
  world.now += 1000
  world.network.send(await world.facts(device, { rev: 2, consents: [withdrawn] }))
  await world.settle()
  world.network.send(admitted, late)
  await world.settle()
  expect([outcomeOf(device, before), outcomeOf(device, after)]).toEqual(['succeeded', 'payer_not_proven'])
  // An older revision that comes late gives nothing back.
  world.network.send(await world.facts(device))
  await world.settle()
  expect(await settled(device, pays(device), { rev: 3, consents: [withdrawn] })).toBe('payer_not_proven')
  expect(await wrong()).toEqual([])
})

test('a bundle waits for the consent that it was admitted by', async () => {
  const device = Object.assign(await TestDevice.create(), { ownerWallet: shop })
  device.hasConsent = false
  world.network.send(await world.facts(device))
  await world.settle()
  world.now += 1000
  const payment = pays(device)
  expect(await settled(device, payment)).toBe('waiting')
  world.now += 3 * 3_600_000
  await world.settle()
  expect(outcomeOf(device, payment)).toBe('waiting')
  world.network.send(await world.facts(device, { rev: 2, consents: [await world.consent(device)] }))
  await world.settle()
  expect(outcomeOf(device, payment)).toBe('succeeded')
})

test('facts that are newer than the bundle, and name no consent, are an answer', async () => {
  const device = await TestDevice.create()
  Object.assign(device, { ownerWallet: shop, hasConsent: false })
  const payment = pays(device)
  const admitted = await world.admit(device, [payment])
  world.now += 1000
  world.network.send(await world.facts(device))
  world.network.send(admitted)
  await world.settle()
  expect(outcomeOf(device, payment)).toBe('payer_not_proven')
})

test('withdrawn while people look: the approval moves nothing', async () => {
  const device = await tillOf()
  const payment = pays(device)
  const made = await device.bundle([payment], world.keySet, { signedAtMs: Math.floor(world.now / 1000) * 1000 })
  const exceptions = [{ counter: payment.counter, decision: 'review', reason: 'risk_review' }] as const
  world.network.send(await world.admitMade(made, [payment], { exceptions }))
  await world.settle()
  const withdrawn = { ...(await world.consent(device)), withdrawnAtMs: world.now }
  world.network.send(await world.facts(device, { rev: 2, consents: [withdrawn] }))
  await world.settle()
  world.network.send(await world.review(made, 1, { [payment.counter]: 'approve' }))
  await world.settle()
  expect(outcomeOf(device, payment)).toBe('payer_not_proven')
})

test('two people’s consent for a customer’s wallet lets its device sign no payment', async () => {
  const [till, phone] = [await tillOf(), Object.assign(await world.device('customer', 50_000), { isTenants: true })]
  const asked = till.payment({ sender: phone.ownerWallet, receiver: shop, amount: amountMinor(20_000) })
  const message = await world.admit(till, [signedBy(phone, asked)])
  world.now += 1000
  world.network.send(await world.facts(phone), message)
  await world.settle()
  expect(outcomeOf(till, asked)).toBe('payer_not_proven')
  expect(await db().balance(phone.ownerWallet)).toBe(50_000)
  expect(await wrong()).toEqual([])
})

test('the signature of a payer’s device counts by its consent', async () => {
  const [till, phone] = [await tillOf(), await world.device('customer', 50_000)]
  const asked = till.payment({ sender: phone.ownerWallet, receiver: shop, amount: amountMinor(20_000) })
  const signed = signedBy(phone, asked)
  phone.hasConsent = false
  world.now += 1000
  const message = await world.admit(till, [signed])
  world.now += 1000
  world.network.send(await world.facts(phone))
  world.network.send(message)
  await world.settle()
  expect(outcomeOf(till, asked)).toBe('payer_not_proven')
  world.network.send(await world.facts(phone, { rev: 2, consents: [await world.consent(phone)] }))
  await world.settle()
  expect(await settled(till, signedBy(phone, { ...asked, counter: till.counter++ }))).toBe('succeeded')
  expect(await wrong()).toEqual([])
})

test.each(['of the till', 'of the payer’s device'])(
  'what was posted before the book heard that the consent %s was withdrawn earlier is right; posted after, it is not',
  async (whose) => {
    const till = await tillOf()
    const phone = await world.device('customer', 50_000)
    world.network.send(await world.facts(phone))
    await world.settle()
    const withdrawnAtMs = world.now
    world.now += 1000
    const isOwn = whose === 'of the till'
    const asked = till.payment({ sender: phone.ownerWallet, receiver: shop, amount: amountMinor(2000) })
    const payment = isOwn ? pays(till) : signedBy(phone, asked)
    expect(await settled(till, payment)).toBe('succeeded')
    const device = isOwn ? till : phone
    const withdrawn = { ...(await world.consent(device)), withdrawnAtMs }
    world.network.send(await world.facts(device, { rev: 9, consents: [withdrawn] }))
    await world.settle()
    expect(await wrong()).toEqual([])
    const known = (by: string) =>
      tamper(
        db().ownerUrl,
        `UPDATE offline_wallet_consents SET withdrawal_known_at = withdrawal_known_at ${by} WHERE device_id = '${device.id}'`,
      )
    await known("- interval '1 day'")
    expect(await wrong()).toEqual(isOwn ? ['debit_authority', 'bundle_evidence'] : ['debit_authority'])
    await known("+ interval '1 day'")
  },
)

test.each([
  ['of another wallet', { wallet: 'W-OTHER' }],
  ['of another tenant', { tenant: 'autre' }],
  ['of another key', { thumbprint: new Uint8Array(32) }],
])('a consent %s is none, and keeps no other fact from being recorded', async (_, over) => {
  const device = Object.assign(await TestDevice.create(), { ownerWallet: shop })
  const stated = await world.consent(device, over)
  expect(await settled(device, pays(device), { consents: [stated], status: 'suspended' })).toBe('payer_not_proven')
  const { rows } = await db().app.query(
    `SELECT status, (SELECT count(*)::int FROM offline_wallet_consents WHERE device_id = $1) AS consents,
            (SELECT detail ->> 'consents_not_believed' FROM offline_audit_logs
             WHERE device_id = $1 AND action = 'device_recorded') AS not_believed
     FROM offline_devices WHERE device_id = $1`,
    [device.id],
  )
  expect(rows).toEqual([{ status: 'suspended', consents: 0, not_believed: '1' }])
})

test('a row that the edge did not sign, or that was changed, is found', async () => {
  const device = await tillOf()
  const where = `WHERE device_id = '${device.id}'`
  const { rows } = await db().owner.query(`SELECT signed, until_at FROM offline_wallet_consents ${where}`)
  const signed = `'\\x${rows[0].signed.toString('hex')}'`
  const changed = [
    ["until_at = until_at + interval '1 year'", "until_at = until_at - interval '1 year'"],
    ["signed = 'forged'", `signed = ${signed}`],
    ['withdrawn_at = now(), withdrawal_known_at = now()', 'withdrawn_at = NULL, withdrawal_known_at = NULL'],
  ] as const
  for (const [change, back] of changed) {
    await tamper(db().ownerUrl, `UPDATE offline_wallet_consents SET ${change} ${where}`)
    expect(await wrong(), change).toEqual(['device_evidence'])
    await tamper(db().ownerUrl, `UPDATE offline_wallet_consents SET ${back} ${where}`)
  }
  expect(await wrong()).toEqual([])
})

test('withdrawn is withdrawn: the reconciler’s own login cannot take it back', async () => {
  const device = await tillOf()
  const withdrawn = { ...(await world.consent(device)), withdrawnAtMs: world.now }
  world.network.send(await world.facts(device, { rev: 2, consents: [withdrawn] }))
  await world.settle()
  const { app } = db()
  const where = 'WHERE device_id = $1'
  for (const change of [
    `UPDATE offline_wallet_consents SET withdrawn_at = NULL ${where}`,
    `UPDATE offline_wallet_consents SET withdrawn_at = now() + interval '1 day' ${where}`,
    `UPDATE offline_wallet_consents SET withdrawal_known_at = now() + interval '1 day' ${where}`,
    `UPDATE offline_wallet_consents SET until_at = now() + interval '9 years' ${where}`,
    `DELETE FROM offline_wallet_consents ${where}`,
  ]) {
    await expect(app.query(change, [device.id]), change).rejects.toThrow()
  }
})
