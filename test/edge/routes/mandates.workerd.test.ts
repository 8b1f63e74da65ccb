import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import type { Mandate } from '../../../src/protocol/mandates.ts'
import { currency } from '../../../src/protocol/money.ts'
import { DAY_MS, HOUR_MS } from '../../../src/protocol/time.ts'
import {
  alarm,
  askAbout,
  confirm,
  dumpObject,
  type Queues,
  recordQueues,
  select,
} from '../../durable-objects/device/kit.ts'
import { signAnswer } from '../../kit/claim-answer.ts'
import { TestDevice } from '../../kit/device.ts'
import { signMandate } from '../../kit/mandate.ts'
import { asPerson, expectRefusal, ORIGIN, registered, SELF } from '../kit.ts'

/** The holder of a wallet says once what may be taken without asking. */
const URL = `${ORIGIN}/offline/mandates`
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

const untilMs = Math.floor(Date.now() / 1000) * 1000 + 30 * DAY_MS
const signed = (over: Partial<Mandate> = {}, by = phone) =>
  signMandate(by, {
    ...{ wallet: by.ownerWallet, currency: currency('XOF'), paymentMax: 1000, dayMax: 3000, untilMs, no: 1 },
    ...over,
  })
const post = (path: string, body: object) =>
  SELF.fetch(path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) })
const send = (mandate: Uint8Array) => post(URL, { mandate: toBase64url(mandate) })
const sent = () => queues.settle.filter(({ kind }) => kind === 'mandate')

describe('POST /offline/mandates', () => {
  it('keeps the mandate and hands it on as it was signed, again until the reconciler has it', async () => {
    const mandate = await signed()
    const response = await send(mandate)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ no: 1 })
    const [facts] = await select(phone, 'SELECT rev FROM device')
    const message = { kind: 'mandate', deviceId: phone.id, rev: 1, mandate, factsRev: facts?.['rev'] }
    expect(sent()).toMatchObject([message])
    queues.clear()
    await select(phone, 'UPDATE mandates SET at = at - 60000')
    await alarm(phone)
    expect(sent(), 'the queue had lost it').toMatchObject([message])
    await confirm(phone, [{ kind: 'answer_recorded', deviceId: phone.id, rev: 1 }])
    queues.clear()
    await alarm(phone)
    expect(sent()).toEqual([])
  })

  it('the same again changes nothing; an older one is refused, a later one is the newest', async () => {
    const first = await signed()
    await send(first)
    expect((await send(first)).status).toBe(200)
    expect(await select(phone, "SELECT detail FROM audit WHERE action = 'mandate_given'")).toHaveLength(1)
    expect((await send(await signed({ no: 5, paymentMax: 0, dayMax: 0 }))).status).toBe(200)
    for (const late of [first, await signed({ no: 5 })]) {
      const refused = await send(late)
      expect([refused.status, ((await refused.json()) as { code: string }).code]).toEqual([409, 'state_conflict'])
    }
    expect(sent().map((one) => 'rev' in one && one.rev)).toEqual([1, 2])
    const times = (await select(phone, 'SELECT at FROM mandates ORDER BY rev')) as { at: number }[]
    expect(times[1]?.at).toBeGreaterThan(times[0]?.at ?? 0)
  })

  it('is numbered together with answers, because either is confirmed by its number', async () => {
    await send(await signed())
    const about = { takerId: phone.id, counter: 3, contentHash: new Uint8Array(32), amount: 1, answeredAtMs: 1_000 }
    await askAbout(phone, 1, about as never)
    const answer = await signAnswer(phone, { ...about, choice: 'confirm' } as never)
    expect((await post(`${ORIGIN}/offline/claims/answer`, { answer: toBase64url(answer) })).status).toBe(200)
    await send(await signed({ no: 2 }))
    expect(queues.settle.map((one) => [one.kind, 'rev' in one && one.rev])).toEqual([
      ['mandate', 1],
      ['claim_answer', 2],
      ['mandate', 3],
    ])
  })

  it.each<[string, Partial<Mandate>, string]>([
    ['of more a payment than the policy lets', { paymentMax: 2001 }, 'mandate_above_policy'],
    ['of more a day than the policy lets', { dayMax: 5001 }, 'mandate_above_policy'],
    ['of more a payment than a day', { paymentMax: 1001, dayMax: 1000 }, 'invalid_request'],
    ['for longer than a year', { untilMs: untilMs + 340 * DAY_MS }, 'invalid_request'],
    ['about another wallet', { wallet: 'W-OTHER' }, 'consent_required'],
    ['whose number is an hour ahead of the time', { no: Date.now() + HOUR_MS }, 'clock_skew'],
    ['whose number is the last one', { no: Number.MAX_SAFE_INTEGER }, 'clock_skew'],
  ])('a mandate %s is refused, and leaves no trace', async (_, over, code) => {
    const before = await dumpObject(phone)
    await expectRefusal(await send(await signed(over)), code as never)
    expect(await dumpObject(phone)).toBe(before)
  })

  it('of another key, or over something else, it is nobody’s word', async () => {
    const stranger = await TestDevice.create(phone.ownerWallet)
    await expectRefusal(await send(await signed({}, stranger)), 'invalid_signature')
    const broken = await signed()
    broken[broken.length - 70] = (broken[broken.length - 70] ?? 0) ^ 1
    expect([400, 401]).toContain((await send(broken)).status)
    await expectRefusal(await send(new Uint8Array([1, 2, 3])), 'invalid_request')
    expect(sent()).toEqual([])
  })

  it('a device that is suspended, or that may not pay, says nothing for its owner', async () => {
    const path = `/offline/devices/${phone.id}`
    expect((await asPerson('POST', `${path}/consents/withdraw`, { reason: 'in other hands' })).status).toBe(200)
    await expectRefusal(await send(await signed()), 'consent_required')
    await asPerson('POST', `${path}/suspend`, { reason: 'stolen' })
    await expectRefusal(await send(await signed()), 'device_suspended')
  })
})
