import { afterEach, beforeEach, expect, test } from 'vitest'
import { amountMinor } from '../../../src/protocol/money.ts'
import { HOUR_MS } from '../../../src/protocol/time.ts'
import { TestDevice } from '../../kit/device.ts'
import { phoneOf, signedBy } from '../../kit/payers.ts'
import { type ModelWorld, modelWorld } from './kit.ts'

/** Cases of test/reconciler/settle, with what comes of them there. */
let world: ModelWorld
beforeEach(async () => {
  world = await modelWorld()
})
afterEach(() => world.restore())

const AMA = 'ama'
/** But for the facts of the payer's phone, which tests of anything else need not care about. */
async function rows() {
  const { id } = await phoneOf(AMA)
  return [...world.state.inbox.rows.values()].filter(({ deviceId }) => deviceId !== id)
}
const inbox = async () => (await rows()).map(({ status, fault }) => fault ?? status)

test('a payment without funds fails, the rest of its bundle is posted, and the edge is told', async () => {
  const [device, payer] = [await world.device(), world.wallet(AMA, 5000)]
  const payments = [3000, 3000, 2000].map((amount) => device.payment({ sender: payer, amount: amountMinor(amount) }))
  world.network.send(world.facts(device), await world.admit(device, payments))
  await world.start()
  await world.quiet()
  expect(world.told(device.id)).toEqual([
    [1, 'succeeded'],
    [2, 'failed', 'insufficient_funds'],
    [3, 'succeeded'],
  ])
  expect(world.balance(payer)).toBe(0)
  expect([...world.state.bundles.values()]).toMatchObject([{ status: 'partially_accepted' }])
  const about = world.network.confirmed.filter(({ deviceId }) => deviceId === device.id)
  expect(about).toContainEqual({ kind: 'device_recorded', deviceId: device.id, rev: 1, wallet: 'known' })
  expect(world.network.queued).toBe(0)
})

test('a bundle before its device waits unconfirmed, and is settled when the device is there', async () => {
  const [device, payer] = [await world.device(), world.wallet(AMA, 10_000)]
  world.network.send(await world.admit(device, [device.payment({ sender: payer })]))
  await world.start()
  await world.quiet()
  expect(world.network.confirmed.filter(({ deviceId }) => deviceId === device.id)).toEqual([])
  expect(await rows()).toMatchObject([{ status: 'pending', waitingFor: 'device', failures: 0 }])
  world.network.send(world.facts(device))
  await world.quiet()
  expect(world.told(device.id)).toEqual([[1, 'succeeded']])
})

test('what the edge refused or holds back is not posted, counts towards the day or not, and voided numbers are nobody’s', async () => {
  const [device, payer] = [await world.device(), world.wallet(AMA, 100_000)]
  const payments = [1, 2, 3, 4].map(() => device.payment({ sender: payer }))
  const message = await world.admit(
    device,
    [...payments, { counter: device.counter++, voided: true }],
    [
      { counter: 1, decision: 'refused', reason: 'limit_exceeded' },
      { counter: 2, decision: 'review', reason: 'amount_review' },
      { counter: 3, decision: 'quarantined', reason: 'risk_rejected' },
    ],
  )
  world.network.send(world.facts(device), message)
  await world.start()
  await world.quiet()
  expect(world.told(device.id)).toEqual([
    [1, 'refused', 'limit_exceeded'],
    [2, 'review', 'amount_review'],
    [3, 'quarantined', 'risk_rejected'],
    [4, 'succeeded'],
  ])
  expect(world.state.book.accounts.get(payer)).toMatchObject({ balanceMinor: 97_500, heldMinor: 5000 })
  expect([...(world.state.activity.get(device.id)?.values() ?? [])]).toEqual([{ count: 3, value: 7500 }])
})

test('the same messages again and again change nothing', async () => {
  const [device, payer] = [await world.device(), world.wallet(AMA, 10_000)]
  const [facts, message] = [await world.facts(device), await world.admit(device, [device.payment({ sender: payer })])]
  world.network.send(message, facts, message, facts)
  await world.start()
  await world.quiet()
  world.network.send(facts, message, message, world.facts(device, { atMs: world.now + 5 }))
  await world.quiet()
  expect(world.balance(payer)).toBe(7500)
  expect(await inbox()).toEqual(['done', 'done'])
})

test.each(['before', 'after'])(
  'a copy that arrives %s its payment is refused, and the payment posted once',
  async (order) => {
    const [device, payer] = [await world.device(), world.wallet(AMA, 10_000)]
    const payment = device.payment({ sender: payer })
    const first = await world.admit(device, [payment])
    const copy = await world.admit(device, [payment], [{ counter: 1, decision: 'refused', reason: 'duplicate' }])
    world.network.send(world.facts(device))
    await world.start()
    for (const message of order === 'before' ? [copy, first] : [first, copy]) {
      world.network.send(message)
      await world.quiet()
    }
    expect(world.balance(payer)).toBe(7500)
    expect(world.told(device.id).toSorted()).toEqual([
      [1, 'refused', 'duplicate'],
      [1, 'succeeded'],
    ])
  },
)

test('a copy that the edge accepted all the same is not posted, in the same round or later', async () => {
  const [device, payer] = [await world.device(), world.wallet(AMA, 10_000)]
  const payment = device.payment({ sender: payer })
  world.network.send(world.facts(device), world.admit(device, [payment]), world.admit(device, [payment]))
  await world.start()
  await world.quiet()
  world.network.send(world.admit(device, [payment, device.payment({ sender: payer })]))
  await world.quiet()
  expect(world.balance(payer)).toBe(5000)
  expect(world.told(device.id).slice(-2)).toEqual([
    [1, 'refused', 'duplicate'],
    [2, 'succeeded'],
  ])
  expect(world.state.copies.length).toBe(2)
})

test('what comes again after it was confirmed is confirmed again: the edge does not know', async () => {
  const [device, payer] = [await world.device(), world.wallet(AMA, 10_000)]
  const messages = [await world.facts(device), await world.admit(device, [device.payment({ sender: payer })])]
  world.network.send(...messages)
  await world.start()
  await world.quiet()
  const before = world.network.confirmed.length
  world.network.send(...messages)
  await world.quiet()
  expect(world.network.confirmed.slice(before).map(({ kind }) => kind)).toEqual(['device_recorded', 'bundle_settled'])
})

test('two contents under one bundle id: the second is parked with its bytes', async () => {
  const [device, payer] = [await world.device(), world.wallet(AMA, 10_000)]
  const payments = [device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  const { seq, prev, bundleId } = made.header
  const other = await device.bundle(payments, world.keySet, { seq, prev, bundleId })
  world.network.send(world.facts(device), world.admitMade(made, payments))
  await world.start()
  await world.quiet()
  world.network.send(world.admitMade(other, payments))
  await world.quiet()
  expect(await inbox()).toEqual(['done', 'done', 'bundle_conflict'])
  expect(world.balance(payer)).toBe(7500)
})

test('what nobody signed, what is not readable and what another key signed is parked, and moves nothing', async () => {
  const [device, stranger] = [await world.device(), await TestDevice.create()]
  const payer = world.wallet(AMA, 10_000)
  const payments = [device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  const forged = await device.sign(made.header, made.sealed, stranger.signer)
  const facts = await world.facts(device)
  const bent = Uint8Array.from(facts, (byte, i) => (i === facts.length - 1 ? byte ^ 1 : byte))
  world.network.send(facts)
  await world.start()
  await world.quiet()
  world.network.send(world.admitMade(forged, payments), bent, facts.slice(0, -1))
  await world.quiet()
  expect((await inbox()).toSorted()).toEqual([
    'MalformedCbor: too short',
    'done',
    'invalid_signature',
    'message_signature_invalid: device',
  ])
  expect(world.balance(payer)).toBe(10_000)
})

test('one payment on two devices is held, whoever comes second', async () => {
  const [till, other, payer] = [await world.device(), await world.device(), world.wallet(AMA, 10_000)]
  const phone = Object.assign(other, { ownerWallet: till.ownerWallet })
  const payment = till.payment({ sender: payer })
  const facts = [world.facts(till), world.facts(phone)]
  world.network.send(...facts, await world.admit(till, [payment]))
  await world.start()
  await world.quiet()
  const again = { ...payment, initiatedAtMs: payment.initiatedAtMs + 60_000 }
  world.network.send(
    await world.admit(phone, [again, { ...again, counter: 2, initiatedAtMs: again.initiatedAtMs + 1000 }]),
  )
  await world.quiet()
  expect(world.told(phone.id)).toEqual([
    [1, 'review', 'duplicate'],
    [2, 'succeeded'],
  ])
})

test('an approved payment is posted, a rejected one gives its money back, and a resolution may come before its bundle', async () => {
  const [device, payer] = [await world.device(), world.wallet(AMA, 5000)]
  const payments = [device.payment({ sender: payer }), device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  const exceptions = [1, 2].map((counter) => ({ counter, decision: 'review', reason: 'risk_review' }) as const)
  world.network.send(world.facts(device), world.review(made, 1, { 1: 'approve', 2: 'reject' }))
  await world.start()
  await world.quiet()
  world.network.send(world.admitMade(made, payments, { exceptions }))
  await world.quiet()
  expect(world.told(device.id).slice(-2)).toEqual([
    [1, 'succeeded'],
    [2, 'failed', 'reviewer_rejected'],
  ])
  expect(world.state.book.accounts.get(payer)).toMatchObject({ balanceMinor: 2500, heldMinor: 0 })
  expect(world.network.confirmed).toContainEqual({ kind: 'resolution_recorded', deviceId: device.id, rev: 1 })
})

test('what ends without a vote fails under its own reason and gives its money back', async () => {
  const [device, payer] = [await world.device(), world.wallet(AMA, 5000)]
  const payments = [device.payment({ sender: payer }), device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  const exceptions = [1, 2].map((counter) => ({ counter, decision: 'review', reason: 'risk_review' }) as const)
  world.network.send(world.facts(device), world.admitMade(made, payments, { exceptions }))
  await world.start()
  await world.quiet()
  world.network.send(world.review(made, 1, { 1: 'expire' }), world.review(made, 2, { 2: 'revoke' }))
  await world.quiet()
  expect(world.told(device.id).slice(-2)).toEqual([
    [1, 'failed', 'review_expired'],
    [2, 'failed', 'device_revoked'],
  ])
  expect(world.state.book.accounts.get(payer)).toMatchObject({ balanceMinor: 5000, heldMinor: 0 })
})

test('a reversal that the receiver cannot pay waits for the money, and is carried out once', async () => {
  const [device, payer] = [await world.device(), world.wallet(AMA, 2500)]
  const payments = [device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  world.network.send(world.facts(device), world.admitMade(made, payments))
  await world.start()
  await world.quiet()
  const [seller, other] = [world.state.book.accounts.get(device.ownerWallet), world.wallet('kofi', 0)]
  const out = device.payment({ type: 'p2p', sender: device.ownerWallet, receiver: other })
  world.network.send(world.admit(device, [out]))
  await world.quiet()
  expect(seller?.balanceMinor).toBe(0)
  world.network.send(world.reversal(made, 1, 1), world.reversal(made, 2, 1))
  await world.quiet(3 * HOUR_MS)
  expect(world.state.resolutions).toMatchObject([
    { result: null, lastError: 'insufficient_funds' },
    { result: 'superseded' },
  ])
  world.wallet(device.ownerWallet, 2500, 'merchant')
  await world.quiet(6 * HOUR_MS)
  expect(world.balance(payer)).toBe(2500)
  expect(world.told(device.id).at(-1)).toEqual([1, 'reversed'])
  expect(world.state.resolutions.map(({ result }) => result)).toEqual(['applied', 'superseded'])
})

test('above the limit the payer’s device is waited for, and then a person; an approval is not the payer’s word', async () => {
  const [till, phone] = [await world.device(), await world.device()]
  world.wallet(phone.ownerWallet, 40_000)
  const terms = { sender: phone.ownerWallet, amount: amountMinor(20_000) }
  const signed = async () => {
    const payment = till.payment(terms)
    return signedBy(phone, payment)
  }
  const first = [await signed()]
  world.network.send(world.facts(till), world.admit(till, first))
  await world.start()
  await world.quiet()
  expect([...world.state.inbox.rows.values()].at(-1)).toMatchObject({ status: 'pending', waitingFor: 'payer_device' })
  world.network.send(world.facts(phone))
  await world.quiet()
  expect(world.told(till.id)).toEqual([[1, 'succeeded']])
  // Unsigned, and shown to people by the edge.
  const unsigned = [till.payment(terms)]
  const made = await till.bundle(unsigned, world.keySet)
  const exceptions = [{ counter: 2, decision: 'review', reason: 'payer_not_proven' }] as const
  world.network.send(world.admitMade(made, unsigned, { exceptions }), world.review(made, 1, { 2: 'approve' }))
  await world.quiet()
  expect(world.told(till.id).at(-1)).toEqual([2, 'failed', 'payer_not_proven'])
  expect(world.balance(phone.ownerWallet)).toBe(20_000)
})

test('a payer’s device that comes late proves its payment when people approve it', async () => {
  const [till, phone] = [await world.device(), await world.device()]
  world.wallet(phone.ownerWallet, 40_000)
  const payment = till.payment({ sender: phone.ownerWallet, amount: amountMinor(20_000) })
  const payments = [signedBy(phone, payment)]
  const made = await till.bundle(payments, world.keySet)
  world.network.send(world.facts(till), world.admitMade(made, payments))
  await world.start()
  await world.quiet(3 * HOUR_MS)
  expect(world.told(till.id)).toEqual([[1, 'review', 'payer_not_proven']])
  world.network.send(world.facts(phone))
  await world.quiet()
  world.network.send(world.review(made, 1, { 1: 'approve' }))
  await world.quiet()
  expect(world.told(till.id).at(-1)).toEqual([1, 'succeeded'])
})

test('a payer’s signature is good for one payment, whichever device shows it first', async () => {
  const [a, b, phone] = [await world.device(), await world.device(), await world.device()]
  world.wallet(phone.ownerWallet, 100_000)
  const payment = a.payment({ sender: phone.ownerWallet, receiver: a.ownerWallet, amount: amountMinor(20_000) })
  const signed = signedBy(phone, payment)
  world.network.send(world.facts(phone), world.facts(a), world.facts(b), world.admit(a, [signed]))
  await world.start()
  await world.quiet()
  world.network.send(world.admit(b, [signed]))
  await world.quiet()
  expect(world.told(b.id)).toEqual([[1, 'failed', 'payer_not_proven']])
  expect(world.balance(phone.ownerWallet)).toBe(80_000)
})

test('a device whose wallet is opened later is told so', async () => {
  const device = await TestDevice.create()
  world.network.send(world.facts(device))
  await world.start()
  await world.quiet()
  world.wallet(device.ownerWallet, 0, 'merchant')
  await world.quiet()
  expect(world.network.confirmed.map((one) => 'wallet' in one && one.wallet)).toEqual(['unknown', 'known'])
})

test('an edge that is down is told until it takes it, and nothing is said twice that it took', async () => {
  const [device, payer] = [await world.device(), world.wallet(AMA, 10_000)]
  let calls = 0
  world.network.fault = (path) => (path.endsWith('/outcomes') && ++calls < 5 ? 503 : undefined)
  world.network.send(world.facts(device), world.admit(device, [device.payment({ sender: payer })]))
  await world.start()
  await world.quiet()
  expect(calls).toBeGreaterThanOrEqual(5)
  expect(world.told(device.id)).toEqual([[1, 'succeeded']])
})
