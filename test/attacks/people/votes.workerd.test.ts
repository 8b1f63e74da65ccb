import { beforeAll, beforeEach, expect, it } from 'vitest'
import { ulidText } from '../../../src/protocol/ids.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { confirm, lostQueues, type Queues, select } from '../../durable-objects/device/kit.ts'
import { keySet, registered } from '../../edge/kit.ts'
import { call, ok, pushPayments, refused } from '../../edge/routes/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'

/** A crooked reviewer, and a crooked administrator: what one of them moves, rejects or takes back in a day alone. */
const DAILY_VALUE = 200_000
const AMOUNT = 10_000
const DEVICES = 12
const PER_DEVICE = 5

let queues: Queues
type Till = { readonly device: TestDevice; readonly made: Made }
/** Each with payments that wait; `tills` are those that a test has not used. */
let all: readonly Till[]
let tills: readonly Till[]
let people = 0
const somebody = () => ({ sub: `crooked-${people++}`, roles: ['pay_reviewer'] })

beforeAll(async () => {
  await keySet()
})
beforeEach(async () => {
  queues = await lostQueues()
  // They wait because of their date.
  const initiatedAtMs = Math.floor(Date.now() / 1000) * 1000 + 50 * 60_000
  const made: Till[] = []
  for (let i = 0; i < DEVICES; i++) {
    const device = await registered()
    const payment = () => device.payment({ initiatedAtMs, amount: amountMinor(AMOUNT) })
    made.push({ device, made: await pushPayments(device, Array.from({ length: PER_DEVICE }, payment), queues) })
  }
  all = made
  tills = made
})

const review = (who: object, { device, made }: Till, choice: string, payments: unknown, key?: string) =>
  call(
    { ...who, ...(key && { key }) },
    'POST',
    `/offline/bundles/${ulidText(made.header.bundleId)}/review?device_id=${device.id}`,
    { choice, payments, reason: 'seen at the shop' },
  )
const reverse = (who: object, { device }: Till, counter: number) =>
  call(who, 'POST', `/offline/transactions/${device.id}/${counter}/reverse`, { reason: 'fraud' })

/** Minor units that the reconciler is told to move, reject or give back by the word of one person. */
async function byOnePerson(): Promise<number> {
  const objects = await Promise.all(all.map(({ device }) => select(device, 'SELECT choices, actors FROM resolutions')))
  const alone = objects.flat().filter(({ actors }) => JSON.parse(`${actors}`).length === 1)
  return alone.reduce((sum, { choices }) => sum + AMOUNT * JSON.parse(`${choices}`).length, 0)
}

const settleAll = () =>
  Promise.all(
    tills.map(({ device, made }) =>
      confirm(device, [
        {
          ...{ kind: 'bundle_settled', deviceId: device.id, bundleId: made.header.bundleId, seq: 1, rev: 1 },
          outcomes: Array.from(
            { length: PER_DEVICE },
            (_, i) => ({ counter: i + 1, status: 'succeeded', atMs: 1 }) as const,
          ),
        } as const,
      ]),
    ),
  )

it.each(['approve', 'reject'])('one reviewer says %s to small payments of many devices at once', async (choice) => {
  const who = somebody()
  const answers = await Promise.all(tills.map((till) => review(who, till, choice, [1, 2, 3, 4, 5])))
  expect(answers.map(({ status }) => status)).toEqual(tills.map(() => 200))
  expect(await byOnePerson()).toBe(DAILY_VALUE)
})

it('one at a time, under new roles, again and with keys: no more goes', async () => {
  const who = somebody()
  const one = (till: Till, counter: number) => [
    () => review(who, till, 'approve', [counter], `${till.device.id} ${counter}`.replace(' ', '/')),
    () => review(who, till, 'approve', [counter], `${till.device.id} ${counter}`.replace(' ', '/')),
    () => review({ ...who, roles: ['pay_admin'] }, till, 'reject', [counter]),
  ]
  const asked = tills.flatMap((till) => [1, 2, 3, 4, 5].flatMap((counter) => one(till, counter)))
  await Promise.all(asked.map((ask) => ask()))
  expect(await byOnePerson()).toBeLessThanOrEqual(DAILY_VALUE)
  expect(await byOnePerson()).toBeGreaterThan(DAILY_VALUE - 10 * AMOUNT)
})

it('reversals and reviews share one sum, and a second person lets the rest go', async () => {
  const who = somebody()
  await Promise.all(tills.slice(0, 2).map((till) => review(who, till, 'reject', [1, 2, 3, 4, 5])))
  tills = tills.slice(2)
  await settleAll()
  await Promise.all(tills.flatMap((till) => [1, 2, 3, 4, 5].map((counter) => reverse(who, till, counter))))
  expect(await byOnePerson()).toBe(DAILY_VALUE)

  const [till] = tills.slice(-1)
  if (till === undefined) throw new Error('no till')
  const answer = await ok(reverse(somebody(), till, 5))
  expect(answer).toMatchObject({ decided: true })
  expect(answer.agreed).toHaveLength(2)
})

it('who registered a till does not decide about its payments, in whatever role', async () => {
  const [till] = tills
  if (till === undefined) throw new Error('no till')
  await settleAll()
  for (const roles of [['pay_admin'], ['pay_reviewer']]) {
    await refused(reverse({ sub: 'ops-1', roles }, till, 1), 'registrar_cannot_vote')
  }
  expect(await select(till.device, 'SELECT * FROM resolutions')).toEqual([])
})
