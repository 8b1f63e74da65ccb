import { afterAll, beforeAll, expect, test } from 'vitest'
import { firstPolicy } from '../../../src/protocol/first-policies.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { until } from '../../kit/journey.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { expectWithin, Market } from './market.ts'
import type { Thief } from './thief.ts'

/** People with a role who use it for themselves: alone they move nothing of anybody's. */
const database = useDatabase()
let market: Market
beforeAll(async () => {
  market = await Market.start(database())
})
afterAll(() => market?.stop())

const POLICY = firstPolicy('SN')
const ALL = amountMinor(50_000)

test('one administrator registers a device for each of ten wallets, and pays out of them', async () => {
  for (const kind of ['customer', 'merchant', 'agent'] as const) {
    const victims = await market.wallets(kind, 10)
    const [friend = ''] = await market.wallets('customer', 1, 0)
    const admitted: string[] = []
    for (const victim of victims) {
      const thief = await market.thief(victim, 'crooked-admin')
      await thief.push([thief.takes(victim, { amount: ALL, type: 'p2p', receiver: friend })])
      await thief.push([thief.takes(victim, { amount: amountMinor(500), type: 'p2p', receiver: friend })])
      admitted.push(...thief.admitted)
    }
    await market.rest(admitted)
    expectWithin(`one administrator against ten wallets of kind ${kind}`, await market.missing(victims), 0)
  }
})

test('one administrator registers a phone for a wallet, and signs as its holder', async () => {
  const victims = await market.wallets('customer', 5)
  const [shop = ''] = await market.wallets('merchant', 1)
  const till = await market.thief(shop, 'crooked-admin')
  for (const victim of victims) {
    const phone = await market.thief(victim, 'crooked-admin')
    // So that the book knows the phone.
    await phone.push([phone.takes(victim, { amount: amountMinor(1), receiver: shop })])
    const payment = till.takes(victim, { amount: ALL })
    await till.push([signedBy(phone.device, payment)])
  }
  await market.rest(till.admitted)
  expectWithin('one administrator with phones of his own', await market.missing(victims), 0)
})

test('two administrators let phones of theirs pay and sign for customers: nothing moves', async () => {
  const victims = await market.wallets('customer', 5)
  const [shop = ''] = await market.wallets('merchant', 1)
  const till = await market.thief(shop, 'crooked-admin', 'crooked-too')
  const phones = await Promise.all(victims.map((victim) => market.thief(victim, 'crooked-admin', 'crooked-too')))
  const attack = async () => {
    for (const [i, phone] of phones.entries()) {
      const victim = victims[i] ?? ''
      await phone.push([phone.takes(victim, { amount: amountMinor(9_000), receiver: shop })])
      await till.push([signedBy(phone.device, till.takes(victim, { amount: ALL }))])
    }
  }
  // Before the edge has heard that the ledger bears none of it out, and after.
  await attack()
  for (const { device } of phones) {
    await until(async () => {
      const shown = await market.ask('ops', 'pay_admin', 'GET', `/offline/devices/${device.id}`)
      const { given } = shown['consents'] as { readonly given: readonly { readonly refused_at: number | null }[] }
      return given.some((one) => one.refused_at !== null)
    })
  }
  await attack()
  await market.rest(phones.flatMap(({ admitted }) => admitted))
  expectWithin('two administrators with phones of their own', await market.missing(victims), 0)
})

test('one administrator asks for consent, and confirms it, and pays', async () => {
  const [victim = '', friend = ''] = await market.wallets('merchant', 2)
  const thief = await market.thief(victim, 'crooked-admin')
  const path = `/offline/devices/${thief.device.id}/consents`
  const given = await market.ask('crooked-admin', 'pay_admin', 'POST', path, { reason: 'mine' })
  expect(given.status).toBe(201)
  const { request } = given['asked'] as { request: string }
  const alone = await market.ask('crooked-admin', 'pay_admin', 'POST', `${path}/${request}/confirm`, { reason: 'mine' })
  expect(alone).toMatchObject({ status: 409, code: 'already_voted' })
  await thief.push([thief.takes(victim, { amount: ALL, receiver: friend })])
  await market.rest(thief.admitted)
  expectWithin('one administrator who asks himself', await market.missing([victim]), 0)
})

test('one administrator cannot put a policy in force, nor a country on', async () => {
  const path = '/offline/policies/proposals'
  const changes = { require_payer_proof_above: 20_000 }
  const asked = await market.ask('crooked-admin', 'pay_admin', 'POST', path, {
    ...{ country: 'SN', after_version: 1, reason: 'mine', changes },
  })
  expect(asked.status).toBe(201)
  const alone = await market.ask('crooked-admin', 'pay_admin', 'POST', `${path}/${asked['id']}/confirm`, {
    reason: 'mine',
  })
  expect(alone).toMatchObject({ status: 409, code: 'already_voted' })
  const { policies } = await market.ask('crooked-admin', 'pay_admin', 'GET', '/offline/policies')
  expect((policies as { country: string; version: number }[]).find(({ country }) => country === 'SN')).toMatchObject({
    version: 1,
  })
})

/** Payments that wait for people, as their counters. */
async function waiting(thief: Thief, payments: Parameters<Thief['push']>[0]) {
  expect(await thief.push(payments)).toBe('admitted')
  const bundleId = thief.admitted.at(-1)
  await until(async () => {
    const { reviews } = await market.ask(
      'auditor',
      'pay_reviewer',
      'GET',
      `/offline/reviews?device_id=${thief.device.id}`,
    )
    return (reviews as { bundle_id: string }[]).some(({ bundle_id }) => bundle_id === bundleId)
  })
  return { bundleId, counters: payments.map(({ counter }) => counter) }
}

test('one reviewer approves what no payer signed', async () => {
  const victims = await market.wallets('customer', 10)
  const [shop = ''] = await market.wallets('merchant', 1)
  const thief = await market.thief(shop)
  // They wait because of their date.
  const initiatedAtMs = Math.floor(Date.now() / 1000) * 1000 + 50 * 60_000
  const amount = amountMinor(POLICY.requirePayerProofAbove)
  const held = await waiting(
    thief,
    victims.map((victim) => thief.takes(victim, { amount, initiatedAtMs })),
  )
  await market.ask('crooked-reviewer', 'pay_reviewer', 'POST', `/offline/bundles/${held.bundleId}/review`, {
    ...{ choice: 'approve', payments: held.counters, reason: 'mine' },
  })
  await market.rest(thief.admitted)
  expectWithin('one reviewer who approves', await market.missing(victims), 0)
})
