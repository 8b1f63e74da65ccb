import { beforeEach, expect, it } from 'vitest'
import type { Debit } from '../../../../src/protocol/debits.ts'
import { deviceId } from '../../../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../../../src/protocol/money.ts'
import { decodePaymentRequest } from '../../../../src/protocol/payment-request.ts'
import { ALLOWANCE, Counter } from './counter.ts'

/** What a payer is shown of all that was paid out of the wallet. */
let counter: Counter
beforeEach(async () => {
  counter = await Counter.open(ALLOWANCE)
})

const debit = (over: Partial<Debit> = {}): Debit => ({
  ...{ takerId: deviceId('POS-9'), counter: 1, type: 'merchant', amount: amountMinor(300), currency: currency('XOF') },
  ...{ receiver: 'shop-9', initiatedAtMs: counter.phoneRig.timeMs, status: 'succeeded', statusAtMs: 9000 },
  ...over,
})
/** As the book has the payment that the phone signs now. */
async function signs(amount: number): Promise<Debit> {
  const request = await counter.request(amount)
  await counter.phone.authorize(request)
  return debit(decodePaymentRequest(request))
}
async function told(debits: readonly Debit[]) {
  counter.phoneRig.edge.weather = undefined
  counter.phoneRig.edge.debits = [...debits]
  counter.phoneRig.timeMs += 1000
  await counter.phone.syncNow()
}
const lines = async () =>
  (await counter.phone.statement()).map(({ localId, guarantee, status, reason }) => [
    localId,
    guarantee,
    status,
    reason,
  ])

it('what this phone has signed is not heard of until a notice names it, and then stands as the book has it, also after a restart', async () => {
  const signed = await signs(20_000)
  expect(await counter.phone.statement()).toMatchObject([
    { takerId: 'POS-001', amount: 20_000, guarantee: 'covered', status: 'not_heard', signed: true },
  ])
  await told([signed])
  expect(await lines()).toEqual([['POS-001/1', 'covered', 'succeeded', undefined]])
  await told([{ ...signed, status: 'reversed', statusAtMs: 9500 }])
  await counter.restartPhone()
  expect(await counter.phone.statement()).toMatchObject([
    { localId: 'POS-001/1', status: 'reversed', statusAtMs: 9500 },
  ])
})

it('has each payment once, the newest first, with what stands behind it', async () => {
  const { timeMs } = counter.phoneRig
  const first = await signs(20_000)
  counter.phoneRig.timeMs = timeMs + 10_000
  await signs(40_000)
  const { statusAtMs: _, status: __, ...taken } = debit({ counter: 4, initiatedAtMs: timeMs - 3000 })
  counter.phoneRig.edge.mandated = [{ ...taken, postedAtMs: 1 }]
  await told([
    { ...first, status: 'failed', reason: 'insufficient_funds' },
    debit({ counter: 2, requestId: new Uint8Array(16), initiatedAtMs: timeMs - 1000 }),
    debit({ counter: 3, status: 'review', initiatedAtMs: timeMs - 2000 }),
  ])
  expect(await lines()).toEqual([
    [undefined, 'signed', 'not_heard', undefined],
    ['POS-001/1', 'covered', 'failed', 'insufficient_funds'],
    ['POS-9/2', 'signed', 'succeeded', undefined],
    ['POS-9/3', 'claimed', 'review', undefined],
    ['POS-9/4', 'mandated', 'succeeded', undefined],
  ])
})

it('a till that uses the id of a request for other payments is shown beside what was signed', async () => {
  const signed = await signs(20_000)
  const others = [
    { takerId: deviceId('POS-9') },
    { amount: amountMinor(1) },
    { receiver: 'shop-9' },
    { requestId: new Uint8Array(16) },
  ]
  await told(others.map((over, i) => ({ ...signed, counter: i + 1, ...over })))
  expect((await lines()).filter(([, , status]) => status === 'not_heard')).toHaveLength(1)
  expect(await lines()).toHaveLength(1 + others.length)
})

it('what is older than all that a notice names is not said to be unheard of', async () => {
  await signs(20_000)
  const initiatedAtMs = counter.phoneRig.timeMs + 60_000
  await told(
    Array.from({ length: 50 }, (_, i) => debit({ counter: i + 1, initiatedAtMs, requestId: new Uint8Array(16) })),
  )
  expect((await lines()).at(-1)).toEqual([undefined, 'covered', 'not_told', undefined])
})

it('without consent the notice says nothing more, and what was signed stays', async () => {
  await told([await signs(20_000), debit()])
  expect(await lines()).toHaveLength(2)
  await told([])
  expect(await lines()).toEqual([[undefined, 'covered', 'not_heard', undefined]])
})
