import { afterAll, beforeAll, expect, test } from 'vitest'
import { amountMinor } from '../../../src/protocol/money.ts'
import { until } from '../../kit/journey.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { expectWithin, Market } from './market.ts'
import type { Thief } from './thief.ts'

/** A payer’s phone that signs more than it has: restored from a copy, or in a thief’s hands. */
const database = useDatabase()
let market: Market
beforeAll(async () => {
  market = await Market.start(database())
})
afterAll(() => market?.stop())

const CEILING = 20_000

/** A phone with an allowance, its real pass, and tills of shops. */
async function counters(shops: number) {
  const [payer = ''] = await market.wallets('customer', 1)
  const phone = await market.phone(payer)
  const pass = await phone.allowance(CEILING)
  const wallets = await market.wallets('merchant', shops, 0)
  const tills = await Promise.all(wallets.map((wallet) => market.thief(wallet, 'ops', 'ops-2')))
  return { payer, phone, pass, wallets, tills }
}
type Counters = Awaited<ReturnType<typeof counters>>

/** What the phone signs for a till under its allowance, as the copy counts that it was restored from. */
const covered = ({ payer, phone, pass }: Counters, till: Thief, amount: number, n: number, spent: number) =>
  signedBy(phone.device, till.takes(payer, { amount: amountMinor(amount) }), {
    ...{ shown: pass, header: { covered: { n, spent: amountMinor(spent) } } },
  })

/** The edge has suspended it, and the book knows. */
async function isStopped({ device }: Thief): Promise<void> {
  await until(async () => {
    const { rows } = await market.book.query(
      "SELECT 1 FROM offline_devices WHERE device_id = $1 AND status = 'suspended'",
      [device.id],
    )
    return rows.length === 1
  })
}

const suspend = async (phone: Thief) => {
  const path = `/offline/devices/${phone.device.id}/suspend`
  expect(await market.ask('ops', 'pay_admin', 'POST', path, { reason: 'stolen' })).toMatchObject({
    status: 'suspended',
  })
  await isStopped(phone)
}

/** How each payment of a till ended, in the order of its counters. */
async function ends({ device }: Thief) {
  const { rows } = await market.book.query<{ status: string; reason: string | null }>(
    'SELECT status, reason FROM offline_transactions WHERE device_id = $1 ORDER BY counter',
    [device.id],
  )
  return rows.map(({ status, reason }) => reason ?? status)
}

test('a phone that is restored between two tills: the ceiling beyond what is covered, and then what is held', async () => {
  const at = await counters(3)
  const [first, second, third] = at.tills as [Thief, Thief, Thief]
  // All are signed with no network, before any till has synced: each till was shown what its rules call covered.
  const atFirst = [covered(at, first, 5_000, 1, 5_000)]
  const atSecond = [covered(at, second, CEILING, 1, CEILING)]
  const atThird = [covered(at, third, CEILING, 1, CEILING), covered(at, third, 5_000, 2, CEILING)]
  expect(await first.push(atFirst)).toBe('admitted')
  await market.rest(first.admitted)
  expect(await market.missing([at.payer]), 'an honest phone so far').toBe(5_000)
  expect(await second.push(atSecond)).toBe('admitted')
  await market.rest(second.admitted)
  await isStopped(at.phone)
  const { rows } = await market.book.query(
    'SELECT DISTINCT kind FROM offline_allowance_evidence WHERE payer_device_id = $1',
    [at.phone.device.id],
  )
  expect(rows).toEqual([{ kind: 'number' }])
  expect(await at.phone.pass(), 'no new pass').toBeUndefined()
  const moved = await market.missing([at.payer])
  expectWithin('a phone that is restored between two tills, beyond its allowance', moved - CEILING, CEILING)
  expect(moved, 'both tills have what they were told').toBe(5_000 + CEILING)
  // Nothing is held any more, and the rest of the wallet is not for what a stopped phone has signed.
  expect(await third.push(atThird)).toBe('admitted')
  await market.rest(third.admitted)
  expect(await ends(third)).toEqual(['allowance_shortfall', 'allowance_shortfall'])
  expectWithin('the same phone at a third till, after it was convicted', (await market.missing([at.payer])) - moved, 0)
})

test('a convicted phone’s covered payments are paid from what is held only', async () => {
  const at = await counters(3)
  const [first, second, third] = at.tills as [Thief, Thief, Thief]
  // A copy that was restored, and that has signed less than its ceiling twice.
  expect(await first.push([covered(at, first, 4_000, 1, 4_000)])).toBe('admitted')
  expect(await second.push([covered(at, second, 5_000, 1, 5_000)])).toBe('admitted')
  await market.rest([...first.admitted, ...second.admitted])
  await isStopped(at.phone)
  const before = await market.missing([at.payer])
  const later = [covered(at, third, 8_000, 2, 12_000), covered(at, third, 8_000, 3, CEILING)]
  expect(await third.push(later)).toBe('admitted')
  await market.rest(third.admitted)
  expect(await ends(third)).toEqual(['succeeded', 'allowance_shortfall'])
  const moved = (await market.missing([at.payer])) - before
  expectWithin('a convicted phone at the next till', moved, CEILING - before)
  expect(moved).toBe(8_000)
})

test('a thief with an unlocked phone that was reported signs at five accomplices’ tills: the ceiling', async () => {
  const at = await counters(5)
  await suspend(at.phone)
  for (const till of at.tills) {
    const plain = (amount: number) =>
      signedBy(at.phone.device, till.takes(at.payer, { amount: amountMinor(amount) }), { shown: at.pass })
    await till.push([
      covered(at, till, CEILING, 1, CEILING),
      ...[1, 2, 3].map((n) => covered(at, till, 6_000, n, 6_000 * n)),
      ...[40_000, 9_000, 500].map(plain),
      till.takes(at.payer, { amount: amountMinor(500) }),
    ])
    // The edge refuses in the receipt what the phone signed outside of its allowance.
    expect([...till.refused]).toEqual([5, 6, 7].map((counter) => [counter, 'payer_not_proven']))
  }
  await market.rest(at.tills.flatMap(({ admitted }) => admitted))
  const moved = await market.missing([at.payer])
  expectWithin('a thief with a phone that was reported', moved, CEILING)
  expect(moved, 'what was covered first was paid').toBe(CEILING)
})

test('a thief without an allowance has nothing once the phone was reported, and cannot get an allowance', async () => {
  const [payer = ''] = await market.wallets('customer', 1)
  const [shop = ''] = await market.wallets('merchant', 1, 0)
  const phone = await market.phone(payer)
  const till = await market.thief(shop, 'ops', 'ops-2')
  const pass = await phone.pass()
  expect(pass).toBeDefined()
  await suspend(phone)
  await expect(phone.allowance(CEILING)).rejects.toThrow('device_suspended')
  const claimed = { allowance: { no: 1, ceiling: amountMinor(CEILING) } }
  const under = (bent: Parameters<typeof signedBy>[2]) =>
    signedBy(phone.device, till.takes(payer, { amount: amountMinor(9_000) }), bent)
  await till.push([
    under(pass && { shown: pass }),
    // Under a pass of before, that says nothing of an allowance; and under one as if the edge had lost its mind.
    under({ ...(pass && { shown: pass }), header: { covered: { n: 1, spent: amountMinor(9_000) } } }),
    under({ pass: claimed, header: { covered: { n: 1, spent: amountMinor(9_000) } } }),
  ])
  await market.rest(till.admitted)
  expect([...till.refused.keys()]).toEqual([1, 2])
  expectWithin('a thief with a phone that has no allowance', await market.missing([payer]), 0)
})
