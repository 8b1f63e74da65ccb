import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { verifyBook } from '../../../reconciler/verify/verify.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { approve, unverifiedApproval } from '../../kit/approval.ts'
import { type Made, randomBytes, TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../database.ts'
import { codesOf, makeWorld, type World } from '../kit.ts'

/** The book asks for the agent's signature again, whatever the edge let pass: it alone knows whose wallet is an agent's. */
const db = useDatabase()
let world: World
let shop: TestDevice
let agent: TestDevice
beforeAll(async () => {
  world = await makeWorld(db())
  shop = await world.device('merchant', 10_000_000)
  agent = await world.device('agent')
  world.network.send(world.facts(shop), world.facts(agent))
  await db().open('W-SUPPLIER', 0, { kind: 'merchant' })
  await world.settle()
})
afterAll(() => world.close())

const LARGE = amountMinor(60_000)
const [HOUR, MINUTE] = [3_600_000, 60_000]

/** Out of the shop's own wallet, so that only the agent's word may be missing. */
const large = (over: Partial<Payment> = {}) =>
  shop.payment({ amount: LARGE, sender: shop.ownerWallet, receiver: 'W-SUPPLIER', ...over })
const approved = async (payment: Payment, by = agent, bent: Parameters<typeof approve>[3] = {}) => ({
  ...payment,
  approval: await approve(by, payment, shop.id, bent),
})

/** What becomes of payments that the edge let pass. */
async function settled(...payments: readonly Payment[]): Promise<readonly string[]> {
  world.network.send(await world.admit(shop, payments))
  await world.settle()
  return payments.map(({ counter }) => {
    const outcome = world.network.outcomes(shop.id).find((one) => one.counter === counter)
    return outcome?.reason ?? outcome?.status ?? 'waiting'
  })
}
async function book() {
  const { rows } = await db().owner.query(
    "SELECT counter, encode(request_id, 'hex') AS request, agent_device_id AS agent FROM offline_agent_approvals WHERE device_id = $1 ORDER BY counter",
    [shop.id],
  )
  return rows
}
const known = async (kind: 'merchant' | 'agent' | 'customer', facts: Parameters<World['facts']>[1] = {}) => {
  const device = await world.device(kind)
  world.network.send(await world.facts(device, facts))
  await world.settle()
  return device
}

test('with an agent’s signature it is posted, and the book says whose', async () => {
  const requestId = randomBytes(16)
  expect(await settled(await approved(large(), agent, { requestId }))).toEqual(['succeeded'])
  expect((await book()).at(-1)).toMatchObject({ agent: agent.id, request: Buffer.from(requestId).toString('hex') })
})

test('up to the limit of its policy nobody asks, whatever it carries', async () => {
  const approval = unverifiedApproval(0)
  expect(await settled(large({ amount: amountMinor(50_000), approval }))).toEqual(['succeeded'])
})

test.each([
  ['nothing', async (one: Payment) => one, 'approval_required'],
  ['a reference', async (one: Payment) => ({ ...one, approval: new TextEncoder().encode('AGENT-7') })],
  ['one over another amount', async (one: Payment) => approved(one, agent, { over: { amount: amountMinor(100) } })],
  ['one over another receiver', async (one: Payment) => approved(one, agent, { over: { receiver: 'W-ELSE' } })],
  ['the till’s own', async (one: Payment) => approved(one, shop)],
  ['one of an hour ago', async (one: Payment) => approved(one, agent, { signedAtMs: one.initiatedAtMs - HOUR })],
  ['one by a customer’s device', async (one: Payment) => approved(one, await known('customer'))],
  ['one by a merchant’s device', async (one: Payment) => approved(one, await known('merchant'))],
  ['one by another tenant’s agent', async (one: Payment) => approved(one, await known('agent', { tenant: 'autre' }))],
  ['one by a suspended device', async (one: Payment) => approved(one, await known('agent', { status: 'suspended' }))],
  [
    'one by an agent’s device without consent',
    async (one: Payment) => {
      const device = await world.device('agent')
      device.hasConsent = false
      world.network.send(await world.facts(device, { atMs: world.now + HOUR }))
      await world.settle()
      return approved(one, device)
    },
  ],
  [
    'one by another device of the shop’s',
    async (one: Payment) => {
      const device = await TestDevice.create(shop.ownerWallet)
      world.network.send(await world.facts(device))
      await world.settle()
      return approved(one, device)
    },
  ],
  [
    'one under the agent’s name, by another key',
    async (one: Payment) => approved(one, Object.assign(await TestDevice.create(), { id: agent.id, kid: agent.kid })),
  ],
])('%s is no agent’s approval: it fails, and nothing moves', async (_, bend, reason = 'approval_invalid') => {
  shop.signsForPayers = false
  const before = await db().balance(shop.ownerWallet)
  expect(await settled(await bend(large()))).toEqual([reason])
  expect(await db().balance(shop.ownerWallet)).toBe(before)
  shop.signsForPayers = true
})

test('an agent who is paid, or who pays, approves nothing of that', async () => {
  const payer = await known('agent')
  const own = shop.payment({ type: 'agent', amount: LARGE, sender: payer.ownerWallet })
  const signed = signedBy(payer, own)
  expect(await settled(await approved(large({ receiver: agent.ownerWallet }), agent))).toEqual(['approval_invalid'])
  expect(await settled(await approved(signed, payer))).toEqual(['approval_invalid'])
})

test('a request is good for one payment, whoever approves it and however the edge lets it pass', async () => {
  const bent = { requestId: randomBytes(16) }
  const other = await known('agent')
  const [first, again] = [await approved(large(), agent, bent), await approved(large(), other, bent)]
  expect(await settled(first, again)).toEqual(['succeeded', 'approval_invalid'])
  expect(await settled(await approved(large(), agent, bent))).toEqual(['approval_invalid'])
})

describe('an agent’s device that is not known yet', () => {
  let made: Made
  const held = async (by: TestDevice) => {
    const payment = await approved(large(), by)
    made = await shop.bundle([payment], world.keySet)
    world.network.send(await world.admitMade(made, [payment]))
    await world.settle()
    return payment.counter
  }
  const statusOf = async (counter: number) => {
    const { rows } = await db().owner.query(
      'SELECT status, reason, agent_proven FROM offline_transactions WHERE device_id = $1 AND counter = $2',
      [shop.id, counter],
    )
    return rows[0]
  }

  test('is waited for, and posted when it comes', async () => {
    const late = await world.device('agent')
    const counter = await held(late)
    expect(await statusOf(counter)).toBeUndefined()
    world.network.send(await world.facts(late))
    await world.settle()
    expect(await statusOf(counter)).toMatchObject({ status: 'succeeded' })
  })

  test('for two hours; then people look, and what they approve is posted only with its word', async () => {
    const [late, never] = [await world.device('agent'), await world.device('agent')]
    for (const [device, comes] of [
      [late, true],
      [never, false],
    ] as const) {
      const counter = await held(device)
      world.now += 2 * HOUR + MINUTE
      await world.settle()
      const waiting = { status: 'review', reason: 'approval_invalid', agent_proven: false }
      expect(await statusOf(counter)).toMatchObject(waiting)
      if (comes) world.network.send(await world.facts(device))
      await world.settle()
      world.network.send(await world.review(made, counter, { [counter]: 'approve' }))
      await world.settle()
      const end = comes ? { status: 'succeeded' } : { status: 'failed', reason: 'approval_invalid' }
      expect(await statusOf(counter)).toMatchObject(end)
    }
  })

  test('or is lost while people look: they post nothing with it', async () => {
    const lost = await known('agent')
    const payment = await approved(large(), lost)
    made = await shop.bundle([payment], world.keySet)
    const exceptions = [{ counter: payment.counter, decision: 'review', reason: 'risk_review' }] as const
    world.network.send(await world.admitMade(made, [payment], { exceptions }))
    await world.settle()
    expect(await statusOf(payment.counter)).toMatchObject({ status: 'review', agent_proven: true })
    world.network.send(await world.facts(lost, { rev: 2, status: 'suspended' }))
    await world.settle()
    world.network.send(await world.review(made, payment.counter, { [payment.counter]: 'approve' }))
    await world.settle()
    expect(await statusOf(payment.counter)).toMatchObject({ status: 'failed', reason: 'approval_invalid' })
  })
})

test('the book is whole after all that', async () => {
  const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
  const evidence = { keys, codes: await codesOf(world) }
  const { findings } = await verifyBook({ pool: db().app, evidence, examplesMax: 3, onProgress: () => undefined })
  expect(findings.filter(({ found }) => found > 0)).toEqual([])
})
