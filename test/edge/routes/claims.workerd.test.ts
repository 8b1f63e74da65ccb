import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { type Claim, type ClaimAnswer, parseClaimAnswer } from '../../../src/protocol/claims.ts'
import type { Debit } from '../../../src/protocol/debits.ts'
import type { MandatedDebit } from '../../../src/protocol/mandated.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import {
  alarm,
  confirm,
  dumpObject,
  type Queues,
  readNotice,
  recordQueues,
  select,
} from '../../durable-objects/device/kit.ts'
import { signAnswer } from '../../kit/claim-answer.ts'
import { TestDevice } from '../../kit/device.ts'
import { asPerson, expectRefusal, keySet, ORIGIN, pushed, registered, SELF } from '../kit.ts'

/** What the holder of a wallet is asked, and what the holder says. */
const URL = `${ORIGIN}/offline/claims/answer`
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

const about = {
  takerId: 'POS-ELSE',
  counter: 3,
  contentHash: new Uint8Array(32).fill(5),
  amount: amountMinor(2500),
} as unknown as Omit<ClaimAnswer, 'choice' | 'answeredAtMs'>
const signed = (over: Partial<ClaimAnswer> = {}, by = phone) =>
  signAnswer(by, { ...about, choice: 'confirm', answeredAtMs: Date.now(), ...over })
const send = (answer: Uint8Array) =>
  SELF.fetch(URL, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ answer: toBase64url(answer) }),
  })
const sentAnswers = () => queues.settle.filter(({ kind }) => kind === 'claim_answer')
const CLAIM: Claim = {
  ...about,
  ...{ type: 'merchant', currency: currency('XOF'), receiver: 'W-SHOP', initiatedAtMs: 1_000 },
  openUntilMs: Date.now() + 3_600_000,
}
const open = (
  rev: number,
  claims: readonly Claim[],
  mandated: readonly MandatedDebit[] = [],
  debits: readonly Debit[] = [],
) => confirm(phone, [{ kind: 'claims_open', deviceId: phone.id, rev, claims, mandated, debits }])
const DEBIT: MandatedDebit = {
  ...{ takerId: about.takerId, counter: 9, type: 'merchant', amount: amountMinor(300), currency: currency('XOF') },
  ...{ receiver: 'W-SHOP', initiatedAtMs: 1_000, postedAtMs: 2_000 },
}
const { postedAtMs: _, ...taken } = DEBIT
const SIGNED: Debit = { ...taken, requestId: new Uint8Array(16).fill(7), status: 'succeeded', statusAtMs: 3_000 }
const CONFIRMED: Debit = { ...taken, counter: 8, status: 'failed', statusAtMs: 2_500, reason: 'insufficient_funds' }

describe('a push of what no payer has signed', () => {
  it('has a receipt that says so, and waits for nobody at the edge', async () => {
    const shop = await registered()
    shop.signsForPayers = false
    const signedTo = shop.payment({ sender: 'W-OTHER' })
    const { receipt } = await pushed((await shop.bundle([signedTo], await keySet())).bundle)
    expect(receipt).toMatchObject({ status: 'claimed', exceptions: [{ counter: 1, decision: 'claimed' }] })
    const answer = await asPerson('GET', `/offline/reviews?device_id=${shop.id}`, undefined, ['pay_reviewer'])
    expect(await answer.json()).toMatchObject({ reviews: [] })
  })
})

describe('a device without consent', () => {
  const withdrawn = async () => {
    await open(1, [CLAIM], [DEBIT], [SIGNED])
    expect(await readNotice(phone, 0)).toMatchObject({ claims: [CLAIM], mandated: [DEBIT], debits: [SIGNED] })
    const path = `/offline/devices/${phone.id}/consents/withdraw`
    expect((await asPerson('POST', path, { reason: 'in other hands' })).status).toBe(200)
  }

  it('is not shown what others take out of the wallet, also what its object was told before', async () => {
    await withdrawn()
    for (const cursor of [0, undefined]) {
      expect(await readNotice(phone, cursor)).toMatchObject({ claims: [], mandated: [], debits: [] })
    }
  })

  it('says neither yes nor no', async () => {
    await withdrawn()
    for (const choice of ['confirm', 'refuse'] as const) {
      await expectRefusal(await send(await signed({ choice })), 'consent_required')
    }
    expect(sentAnswers()).toEqual([])
  })
})

describe('POST /offline/claims/answer', () => {
  beforeEach(() => open(1, [CLAIM]))

  it.each<[string, () => Promise<unknown>, Partial<ClaimAnswer>]>([
    ['nobody made', async () => undefined, { counter: 4 }],
    ['has another content', async () => undefined, { contentHash: new Uint8Array(32) }],
    ['is of another amount', async () => undefined, { amount: amountMinor(2501) }],
    ['is another till’s', async () => undefined, { takerId: 'POS-MORE' as never }],
    ['has ended since', () => open(2, []), {}],
    ['is over', () => open(2, [{ ...CLAIM, openUntilMs: 1 }]), {}],
  ])('an answer to a claim that %s is refused, and nothing of it is kept', async (_, happens, over) => {
    await happens()
    const before = await dumpObject(phone)
    const answer = await send(await signed(over))
    expect([answer.status, ((await answer.json()) as { code: string }).code]).toEqual([409, 'state_conflict'])
    expect(await dumpObject(phone)).toBe(before)
    expect(sentAnswers()).toEqual([])
  })

  it('keeps the answer and hands it on as it was signed, again until the reconciler has it', async () => {
    const answer = await signed()
    const response = await send(answer)
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ choice: 'confirm' })
    const [facts] = await select(phone, 'SELECT rev FROM device')
    const message = { kind: 'claim_answer', deviceId: phone.id, rev: 1, answer, factsRev: facts?.['rev'] }
    expect(sentAnswers()).toEqual([message])
    expect(parseClaimAnswer(answer).answer).toMatchObject({ ...about, choice: 'confirm' })
    queues.clear()
    await select(phone, 'UPDATE claim_answers SET at = at - 60000')
    await alarm(phone)
    expect(sentAnswers(), 'the queue had lost it').toEqual([message])
    await confirm(phone, [{ kind: 'answer_recorded', deviceId: phone.id, rev: 1 }])
    queues.clear()
    await alarm(phone)
    expect(sentAnswers()).toEqual([])
  })

  it('the same choice again changes nothing, and another one is refused: the first stands', async () => {
    await send(await signed())
    const before = await select(phone, 'SELECT * FROM claim_answers')
    expect((await send(await signed({ answeredAtMs: 1_000 }))).status).toBe(200)
    const other = await send(await signed({ choice: 'refuse' }))
    expect([other.status, ((await other.json()) as { code: string }).code]).toEqual([409, 'state_conflict'])
    expect(await select(phone, 'SELECT * FROM claim_answers')).toEqual(before)
    expect(await select(phone, "SELECT detail FROM audit WHERE action = 'claim_answered'")).toHaveLength(1)
  })

  it.each([
    ['of a device that nobody knows', async () => signed({}, await TestDevice.create())],
    [
      'with another key than the device has',
      async () => {
        const other = Object.assign(await TestDevice.create(), {})
        Object.defineProperty(other, 'id', { value: phone.id })
        return signed({}, other)
      },
    ],
    [
      'with a byte changed',
      async () => {
        const answer = await signed()
        answer[answer.length - 70] = (answer[answer.length - 70] ?? 0) ^ 1
        return answer
      },
    ],
  ])('an answer %s is refused, and leaves no trace', async (_, make) => {
    const before = await dumpObject(phone)
    const response = await send(await make())
    expect([400, 401]).toContain(response.status)
    expect(await dumpObject(phone)).toBe(before)
  })

  it('a signature over something else is no answer', async () => {
    const { bundle } = await phone.bundle([phone.payment()], await keySet())
    expect((await send(bundle)).status).toBe(400)
    await expectRefusal(await send(new Uint8Array([1, 2, 3])), 'invalid_request')
  })

  it('a suspended device says nothing for its owner', async () => {
    await asPerson('POST', `/offline/devices/${phone.id}/suspend`, { reason: 'stolen' })
    await expectRefusal(await send(await signed()), 'device_suspended')
  })
})

describe('the notice of a device', () => {
  it('shows what waits for its owner, and no longer what the owner answered', async () => {
    await open(1, [CLAIM])
    expect((await readNotice(phone, 0)).claims).toEqual([CLAIM])
    await send(await signed({ choice: 'refuse' }))
    expect((await readNotice(phone, 0)).claims).toEqual([])
  })

  it('shows what the owner’s mandates paid, also to a device that begins', async () => {
    await open(1, [], [DEBIT])
    for (const cursor of [0, undefined]) expect((await readNotice(phone, cursor)).mandated).toEqual([DEBIT])
    await open(2, [], [])
    expect((await readNotice(phone, 0)).mandated).toEqual([])
  })

  it('shows what became of what the owner signed or confirmed, as it stands now, also to a device that begins', async () => {
    await open(1, [], [], [SIGNED, CONFIRMED])
    for (const cursor of [0, undefined]) expect((await readNotice(phone, cursor)).debits).toEqual([SIGNED, CONFIRMED])
    const reversed = { ...SIGNED, status: 'reversed' as const, statusAtMs: 9_000 }
    await open(2, [], [], [reversed, CONFIRMED])
    expect((await readNotice(phone, 0)).debits).toEqual([reversed, CONFIRMED])
  })

  it('an older list changes nothing, and what is over is not shown', async () => {
    await open(2, [])
    await open(1, [CLAIM], [DEBIT], [SIGNED])
    expect(await readNotice(phone, 0)).toMatchObject({ claims: [], mandated: [], debits: [] })
    await open(3, [{ ...CLAIM, openUntilMs: 1 }])
    expect((await readNotice(phone, 0)).claims).toEqual([])
  })
})
