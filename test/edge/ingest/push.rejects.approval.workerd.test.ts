import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { forgetDevices } from '../../../src/edge/ingest/identity-cache.ts'
import { utf8 } from '../../../src/protocol/bytes.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { recordQueues, stubOf } from '../../durable-objects/device/kit.ts'
import { approve, unverifiedApproval } from '../../kit/approval.ts'
import { authorized } from '../../kit/authorization.ts'
import { randomBytes, TestDevice } from '../../kit/device.ts'
import { consentTo, keySet, pushed, registered } from '../kit.ts'

/** What an agent's approval says is said in the receipt, and not seconds later by the book. */
let keys: KeySet
let till: TestDevice
let agent: TestDevice

beforeAll(async () => {
  await recordQueues()
  keys = await keySet()
})
beforeEach(async () => {
  till = await registered()
  agent = await registered()
})

/** Out of the till's own wallet, so that only the agent's word is missing. */
const large = (over: Partial<Payment> = {}) =>
  till.payment({ amount: amountMinor(60_000), sender: till.ownerWallet, receiver: 'W-SUPPLIER', ...over })
const approvedBy = async (payment: Payment, by = agent, bent: Parameters<typeof approve>[3] = {}, taker = till.id) => ({
  ...payment,
  approval: await approve(by, payment, taker, bent),
})
const saidOf = async (...payments: Payment[]) =>
  (await pushed((await till.bundle(payments, keys)).bundle)).receipt.exceptions
const INVALID = (counter: number) => ({ counter, decision: 'refused', reason: 'approval_invalid' })
const HOUR = 3_600_000

it('an agent’s own signature over the payment and the till is an approval', async () => {
  expect(await saidOf(await approvedBy(large()))).toEqual([])
})

it('without one a large payment is refused, and a small one is not', async () => {
  till.signsForPayers = false
  const at = large({ amount: amountMinor(50_000) })
  expect(await saidOf(at, large())).toEqual([{ counter: 2, decision: 'refused', reason: 'approval_required' }])
})

it.each([
  ['a reference', async (one: Payment) => ({ ...one, approval: utf8('AGENT-7') })],
  ['nothing', async (one: Payment) => ({ ...one, approval: new Uint8Array() })],
  [
    'a payer’s word',
    async (one: Payment) => ({ ...one, approval: (await authorized(agent, one, till.id)).authorization as Uint8Array }),
  ],
  ['an approval of another amount', (one: Payment) => approvedBy(one, agent, { over: { amount: amountMinor(500) } })],
  ['an approval of another receiver', (one: Payment) => approvedBy(one, agent, { over: { receiver: 'W-ELSE' } })],
  ['an approval for another till', (one: Payment) => approvedBy(one, agent, {}, agent.id)],
  ['the till’s own approval', (one: Payment) => approvedBy(one, till)],
  ['one of an hour ago', (one: Payment) => approvedBy(one, agent, { signedAtMs: one.initiatedAtMs - HOUR })],
  ['one of in an hour', (one: Payment) => approvedBy(one, agent, { signedAtMs: one.initiatedAtMs + HOUR })],
  [
    'an approval of another tenant’s agent',
    async (one: Payment) => approvedBy(one, await registered({ tenant: 'autre' })),
  ],
  [
    'the approval of another device of the till’s owner',
    async (one: Payment) => approvedBy(one, await registered({ owner_wallet: till.ownerWallet })),
  ],
  [
    'the approval of whoever is paid',
    async (one: Payment) => approvedBy(one, await registered({ owner_wallet: one.receiver })),
  ],
  [
    'a signature that was made with another key',
    async (one: Payment) => approvedBy(one, Object.assign(await TestDevice.create(), { id: agent.id, kid: agent.kid })),
  ],
])('%s in its place: that payment is refused, and the others are not', async (_, bend) => {
  const [good, bad, small] = [await approvedBy(large()), await bend(large()), till.payment()]
  expect(await saidOf(good, bad, small)).toEqual([INVALID(2)])
})

it('an agent’s phone that is suspended, or that its holder has not consented to, approves nothing', async () => {
  expect(await saidOf(await approvedBy(large()))).toEqual([])
  await stubOf(agent).setStatus('suspended', { actor: 'user:ops' }, 'test')
  forgetDevices()
  expect(await saidOf(await approvedBy(large()))).toEqual([INVALID(2)])
  await stubOf(agent).setStatus('active', { actor: 'user:ops' }, 'test')
  const newer = Object.assign(await TestDevice.create(), { id: agent.id })
  const { alg, bytes: publicKey } = newer.signer.key
  await stubOf(agent).rotateKey({ alg, publicKey, kid: newer.kid }, 'revoked', { actor: 'user:ops' })
  expect(await saidOf(await approvedBy(large(), newer))).toEqual([INVALID(3)])
  await consentTo(newer)
  forgetDevices()
  expect(await saidOf(await approvedBy(large(), newer))).toEqual([])
  expect(await saidOf(await approvedBy(large()))).toEqual([INVALID(5)])
})

it('a phone that is not known here may still come: its payment is taken', async () => {
  expect(await saidOf(await approvedBy(large(), await TestDevice.create()))).toEqual([])
})

describe('one request is good for one payment', () => {
  it('in one bundle, and in the next', async () => {
    const bent = { requestId: randomBytes(16) }
    const [first, again] = [await approvedBy(large(), agent, bent), await approvedBy(large(), agent, bent)]
    expect(await saidOf(first, again)).toEqual([INVALID(2)])
    // Whoever approves it.
    expect(await saidOf(await approvedBy(large(), await registered(), bent))).toEqual([INVALID(3)])
  })

  it('that was not refused, and a bundle that comes again is told the same', async () => {
    const bent = { requestId: randomBytes(16) }
    const refused = await approvedBy(large({ amount: amountMinor(100_001) }), agent, bent)
    const made = await till.bundle([refused, await approvedBy(large(), agent, bent)], keys)
    const before = await pushed(made.bundle)
    expect(before.receipt.exceptions).toEqual([{ counter: 1, decision: 'refused', reason: 'limit_exceeded' }])
    expect((await pushed((await till.resign(made)).bundle)).receiptBytes).toEqual(before.receiptBytes)
  })

  it('of its own till: another one’s request of the same number is another', async () => {
    const bent = { requestId: randomBytes(16) }
    const other = await registered()
    expect(await saidOf(await approvedBy(large(), agent, bent))).toEqual([])
    const payment = other.payment({ ...large(), counter: 1, sender: other.ownerWallet })
    const approval = await approve(agent, payment, other.id, bent)
    const { receipt } = await pushed((await other.bundle([{ ...payment, approval }], keys)).bundle)
    expect(receipt.exceptions).toEqual([])
  })

  it('also where nobody can say yet whether it holds', async () => {
    const approval = unverifiedApproval(large().initiatedAtMs)
    expect(await saidOf({ ...large({ counter: 1 }), approval }, { ...large({ counter: 2 }), approval })).toEqual([
      INVALID(2),
    ])
  })
})
