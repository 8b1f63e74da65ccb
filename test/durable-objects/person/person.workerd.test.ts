import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { reserve } from '../../../durable-objects/person/person-day.ts'
import type { Reservation } from '../../../durable-objects/person/reservation.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { bindings } from '../../edge/kit.ts'

/** What one person votes about in a day, in the object's own SQLite. */
const NOON = 20_000 * DAY_MS + DAY_MS / 2
let people = 0

/** A person with a clock of the test's own. */
function person() {
  const stub = bindings.PERSON.get(bindings.PERSON.idFromName(`user:test-${people++}`))
  const take = (asked: Partial<Reservation>, atMs = NOON) =>
    runInDurableObject(stub, (_, { storage }) =>
      storage.transactionSync(() =>
        reserve(storage.sql, { deviceId: 'POS-1', currency: 'XOF', votes: [], dailyValue: 100, ...asked }, atMs),
      ),
    )
  return { stub, take }
}
const vote = (counter: number, amount: number, wallet = `w${counter}`) =>
  ({ kind: 'review', counter, amount, wallet }) as const

it('lets a person decide alone up to the sum, and nothing above it, in one call or in many', async () => {
  const { take } = person()
  const votes = [vote(1, 40), vote(2, 60), vote(3, 1), vote(4, 1)]
  expect(await take({ votes })).toEqual({ atMs: NOON, alone: [1, 2], sums: { value: 102, wallets: 4 } })
  expect(await take({ deviceId: 'POS-2', votes: [vote(1, 1)] })).toMatchObject({ alone: [] })
})

it('counts a payment once, however often it is asked about, and by its kind', async () => {
  const { take } = person()
  for (let again = 0; again < 3; again++) {
    expect(await take({ votes: [vote(1, 80)] })).toMatchObject({ alone: [1], sums: { value: 80 } })
  }
  const reversal = { ...vote(1, 80), kind: 'reversal' } as const
  expect(await take({ votes: [reversal] })).toMatchObject({ alone: [], sums: { value: 160, wallets: 1 } })
})

it('what a vote was taken down for is not given back: the next one does not fit in its place', async () => {
  const { take } = person()
  await take({ votes: [vote(1, 90)] })
  expect(await take({ votes: [vote(2, 20)] })).toMatchObject({ alone: [] })
  expect(await take({ votes: [vote(3, 5)] })).toMatchObject({ alone: [], sums: { value: 115 } })
})

describe('days', () => {
  it('end at midnight UTC, and begin empty', async () => {
    const { take } = person()
    const midnight = 20_001 * DAY_MS
    await take({ votes: [vote(1, 100)] }, midnight - 1)
    expect(await take({ votes: [vote(2, 100)] }, midnight - 1)).toMatchObject({ alone: [] })
    expect(await take({ votes: [vote(3, 100)] }, midnight)).toMatchObject({ atMs: midnight, alone: [3] })
  })

  it('do not open again for a clock that was put back', async () => {
    const { take } = person()
    await take({ votes: [vote(1, 100)] })
    const back = await take({ votes: [vote(2, 100)] }, NOON - DAY_MS)
    expect(back).toMatchObject({ alone: [], atMs: 20_000 * DAY_MS })
  })

  it('are counted apart for each currency and each person', async () => {
    const { take } = person()
    await take({ votes: [vote(1, 100)] })
    expect(await take({ currency: 'GHS', votes: [vote(2, 100)] })).toMatchObject({ alone: [2] })
    expect(await person().take({ votes: [vote(3, 100)] })).toMatchObject({ alone: [3] })
  })
})

it('a hundred calls at once share one day', async () => {
  const { stub } = person()
  const asked = Array.from({ length: 100 }, (_, i) => ({ deviceId: `POS-${i}`, votes: [vote(1, 7)] }))
  const answers = await Promise.all(asked.map((one) => stub.reserve({ currency: 'XOF', dailyValue: 100, ...one })))
  expect(answers.filter(({ alone }) => alone.length > 0)).toHaveLength(14)
})
