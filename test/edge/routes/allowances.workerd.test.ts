import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { AllowanceOrder, AllowanceStanding } from '../../../src/protocol/allowances.ts'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { currency } from '../../../src/protocol/money.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { alarm, confirm, dumpObject, type Queues, recordQueues, select } from '../../durable-objects/device/kit.ts'
import { signAllowanceOrder } from '../../kit/allowance.ts'
import { TestDevice } from '../../kit/device.ts'
import { asPerson, expectRefusal, ORIGIN, registered, SELF } from '../kit.ts'

/** The holder of a wallet has money held for a phone, and lets it go. */
let queues: Queues
let restore: () => void
let phone: TestDevice

beforeAll(async () => {
  const recorded = await recordQueues()
  queues = recorded
  restore = recorded.restore
})
afterAll(() => restore())
beforeEach(async () => {
  phone = await registered()
  queues.watch(phone)
  queues.clear()
})

type Opening = Extract<AllowanceOrder, { choice: 'open' }>
const open = (over: Partial<Opening> = {}, by = phone) =>
  signAllowanceOrder(by, {
    choice: 'open',
    wallet: by.ownerWallet,
    no: 1,
    currency: currency('XOF'),
    ceiling: 4000,
    ...over,
  })
const close = (n = 0, spent = 0, no = 1) =>
  signAllowanceOrder(phone, { choice: 'close', wallet: phone.ownerWallet, no, n, spent })
const send = (order: Uint8Array) =>
  SELF.fetch(`${ORIGIN}/offline/allowances`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ order: toBase64url(order) }),
  })
const sent = () => queues.settle.filter(({ kind }) => kind === 'allowance_order')
let rev = 0
const ledgerSays = (allowance: Partial<AllowanceStanding>, convictedNo = 0) => {
  const standing = { no: 1, ceiling: 4000, state: 'open', untilMs: Date.now() + 7 * DAY_MS, ...allowance } as const
  return confirm(phone, [
    { kind: 'allowance_stands', deviceId: phone.id, rev: ++rev, allowance: standing, convictedNo },
  ])
}
const status = async () => (await select(phone, 'SELECT status FROM device'))[0]?.['status']

describe('POST /offline/allowances', () => {
  it('keeps the order and hands it on as it was signed, again until the reconciler has it', async () => {
    const order = await open()
    const response = await send(order)
    expect([response.status, await response.json()]).toEqual([200, { no: 1 }])
    const [facts] = await select(phone, 'SELECT rev FROM device')
    const message = { kind: 'allowance_order', deviceId: phone.id, rev: 1, order, factsRev: facts?.['rev'] }
    expect(sent()).toMatchObject([message])
    queues.clear()
    await select(phone, 'UPDATE allowance_orders SET at = at - 60000')
    await alarm(phone)
    expect(sent(), 'the queue had lost it').toMatchObject([message])
    await confirm(phone, [{ kind: 'answer_recorded', deviceId: phone.id, rev: 1 }])
    queues.clear()
    await alarm(phone)
    expect(sent()).toEqual([])
  })

  it('the same again changes nothing, and another is opened when this one has ended, or was refused', async () => {
    const first = await open()
    await send(first)
    expect((await send(first)).status).toBe(200)
    expect(await select(phone, "SELECT detail FROM audit WHERE action = 'allowance_ordered'")).toHaveLength(1)
    for (const state of ['open', 'closing'] as const) {
      await ledgerSays({ state })
      await expectRefusal(await send(await open({ no: 2 })), 'state_conflict')
    }
    await ledgerSays({ state: 'refused', reason: 'insufficient_funds' })
    await expectRefusal(await send(await open({ ceiling: 1 })), 'state_conflict')
    expect((await send(await open({ no: 2 }))).status).toBe(200)
    await ledgerSays({ no: 2, state: 'closed' })
    expect((await send(await open({ no: 3 }))).status).toBe(200)
  })

  it('is closed once, and also before the ledger has answered', async () => {
    await expectRefusal(await send(await close()), 'state_conflict')
    await send(await open())
    expect((await send(await close())).status).toBe(200)
    await expectRefusal(await send(await close(1, 5)), 'state_conflict')
    await ledgerSays({ state: 'open' })
    // It has ordered that it closes: nothing is said to be open any more.
    await expectRefusal(await send(await close(1, 5)), 'state_conflict')
    expect(sent()).toHaveLength(2)
  })

  it.each<[string, Partial<Opening>, string]>([
    ['of more than the policy lets', { ceiling: 50_001 }, 'allowance_above_policy'],
    ['in another currency than the country’s', { currency: currency('GNF') }, 'invalid_request'],
    ['about another wallet', { wallet: 'W-OTHER' }, 'consent_required'],
  ])('an order %s is refused, and leaves no trace', async (_, over, code) => {
    const before = await dumpObject(phone)
    await expectRefusal(await send(await open(over)), code as never)
    expect(await dumpObject(phone)).toBe(before)
  })

  it('of another key, or over something else, it is nobody’s word', async () => {
    const stranger = await TestDevice.create(phone.ownerWallet)
    await expectRefusal(await send(await open({}, stranger)), 'invalid_signature')
    await expectRefusal(await send(new Uint8Array([1, 2, 3])), 'invalid_request')
    expect(sent()).toEqual([])
  })

  it('a device that is suspended, or that may not pay, orders nothing', async () => {
    const path = `/offline/devices/${phone.id}`
    expect((await asPerson('POST', `${path}/consents/withdraw`, { reason: 'in other hands' })).status).toBe(200)
    await expectRefusal(await send(await open()), 'consent_required')
    await asPerson('POST', `${path}/suspend`, { reason: 'stolen' })
    await expectRefusal(await send(await open()), 'device_suspended')
  })
})

describe('what the ledger says of an allowance', () => {
  it('changes nothing when it is older than what is known', async () => {
    await send(await open())
    await ledgerSays({ state: 'closed' })
    const before = await select(phone, 'SELECT * FROM allowance')
    rev -= 2
    await ledgerSays({ state: 'open' })
    rev += 1
    expect(await select(phone, 'SELECT * FROM allowance')).toEqual(before)
  })

  it('suspends the device once for each allowance that convicts it, and people are not overruled', async () => {
    const reactivate = () => asPerson('POST', `/offline/devices/${phone.id}/reactivate`, { reason: 'its holder came' })
    await ledgerSays({})
    expect(await status()).toBe('active')
    await ledgerSays({}, 1)
    expect(await status()).toBe('suspended')
    expect(await select(phone, 'SELECT kind, seq FROM escalations')).toEqual([{ kind: 'allowance_misused', seq: 1 }])
    expect((await reactivate()).status).toBe(200)
    await ledgerSays({ state: 'closed' }, 1)
    expect(await status()).toBe('active')
    await ledgerSays({ no: 2 }, 2)
    expect(await status()).toBe('suspended')
  })
})
