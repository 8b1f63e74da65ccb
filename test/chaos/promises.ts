import pg from 'pg'
import { expect } from 'vitest'
import { reconcileDay } from '../../dev/fleet/books.ts'
import type { OfflinePayment } from '../../src/device/sdk/index.ts'
import { listAudit } from '../../src/edge/store/audit.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { statesOf } from '../../src/protocol/payment-states.ts'
import { isFinal, type PaymentStatus } from '../../src/protocol/states.ts'
import { eventually } from './eventually.ts'
import { CONTESTED } from './market.ts'
import type { World } from './world.ts'

/**
 * The promises of docs/architecture.md, asked of everything at once after the storm: the devices, what was on the wire,
 * the book (with SQL of its own), a model in memory, and the read model.
 */
export async function expectPromisesKept(world: World): Promise<void> {
  const payments = paymentsOf(world)
  await expectNothingLost(world, payments)
  await expectPostedOnce(world, payments)
  await expectBalanced(world)
  await expectModelAgrees(world, payments)
  await expectOneEnd(world, payments)
  await expectNothingUnderWay(world)
  await expectAudited(world)
  const books = await reconcileDay(world.stack.database.owner, world)
  const { length } = payments
  expect(books).toMatchObject({ payments: length, receipts: length, waiting: 0, lost: 0, duplicated: 0, ledger_sum: 0 })
  expect(books.posted + books.failed + books.refused).toBe(length)
}

/** A payment that people were told is paid, as its device shows it now. */
interface Told {
  readonly deviceId: string
  readonly view: OfflinePayment
  readonly fate: string
}

/** 3. A device deletes nothing that it has no receipt for: all that it took is still there. */
function paymentsOf(world: World): readonly Told[] {
  return world.devices.flatMap(({ id, sdk, deals }) =>
    [...deals].map(([localId, { terms, fate }]) => {
      const view = sdk.getTransaction(localId)
      expect(view, localId).toMatchObject(terms)
      return { deviceId: id, view: view as OfflinePayment, fate }
    }),
  )
}

interface BookedPayment {
  readonly local_id: string
  readonly status: PaymentStatus
  readonly reason: string | null
  readonly amount: number
  readonly sender: string
  readonly receiver: string
  readonly transfer_id: string | null
}

const booked = async ({ book }: World) =>
  (
    await book.query<BookedPayment>(
      `SELECT device_id || '/' || counter AS local_id, status, reason, amount_minor::int AS amount, sender, receiver,
              transfer_id FROM offline_transactions`,
    )
  ).rows

/** 1. No transaction covered by a receipt is ever lost: neither of those that devices hold, nor of those on the wire. */
async function expectNothingLost(world: World, payments: readonly Told[]): Promise<void> {
  const rows = new Map((await booked(world)).map((row) => [row.local_id, row]))
  for (const { view } of payments) {
    expect(view.receipted, view.localId).toBe(true)
    const { amount, sender, receiver } = view
    expect(rows.get(view.localId), view.localId).toMatchObject({ amount, sender, receiver })
  }
  // And nothing is in the book that nobody took.
  expect([...rows.keys()].sort()).toEqual(payments.map(({ view }) => view.localId).sort())

  const { rows: bundles } = await world.book.query<{ id: string; digest: Buffer; receipt: Buffer }>(
    `SELECT device_id || '/' || bundle_id AS id, b.digest, s.receipt
     FROM offline_tx_bundles b JOIN offline_signed_bundles s USING (device_id, bundle_id)`,
  )
  const held = new Map(bundles.map((row) => [row.id, row]))
  for (const { id, receipts } of world.devices) {
    for (const [bundleId, { receipt, signed }] of receipts) {
      // However often it was asked for, there is one receipt.
      expect(signed.size, bundleId).toBe(1)
      const found = held.get(`${id}/${bundleId}`)
      expect(found && toHex(found.digest), bundleId).toBe(toHex(receipt.digest))
      expect(found && toHex(found.receipt), bundleId).toBe([...signed][0])
    }
  }
}

/** 2. No transaction is posted twice. */
async function expectPostedOnce({ book }: World, payments: readonly Told[]): Promise<void> {
  const { rows } = await book.query<{ local_id: string; times: number }>(
    `SELECT source_id || '/' || source_no AS local_id, count(*)::int AS times
     FROM wallet_core.transfers WHERE kind = 'payment' GROUP BY 1`,
  )
  const posted = payments.filter(({ view }) => view.status === 'succeeded').map(({ view }) => view.localId)
  expect(rows.filter(({ times }) => times !== 1)).toEqual([])
  expect(rows.map(({ local_id }) => local_id).sort()).toEqual(posted.sort())
}

/** 4. Every posting is balanced, each currency sums to zero, and what is written stays. */
async function expectBalanced({ book, stack }: World): Promise<void> {
  const { rows: odd } = await book.query(
    `SELECT t.transfer_id, count(e.*) AS entries FROM wallet_core.transfers t
     LEFT JOIN wallet_core.entries e USING (transfer_id)
     GROUP BY t.transfer_id, t.amount_minor, t.debit_account_id, t.credit_account_id
     HAVING count(*) <> 2 OR sum(e.amount_minor) <> 0
       OR sum(e.amount_minor) FILTER (WHERE e.account_id = t.debit_account_id) IS DISTINCT FROM -t.amount_minor
       OR sum(e.amount_minor) FILTER (WHERE e.account_id = t.credit_account_id) IS DISTINCT FROM t.amount_minor`,
  )
  expect(odd).toEqual([])
  const { rows: orphans } = await book.query(
    'SELECT e.* FROM wallet_core.entries e LEFT JOIN wallet_core.transfers t USING (transfer_id) WHERE t IS NULL',
  )
  expect(orphans).toEqual([])
  const { rows: sums } = await book.query(
    `SELECT a.currency, sum(e.amount_minor)::int AS sum
     FROM wallet_core.entries e JOIN wallet_core.accounts a USING (account_id) GROUP BY 1`,
  )
  expect(sums).toEqual([{ currency: 'XOF', sum: 0 }])
  const { rows: wrong } = await book.query(
    `SELECT a.wallet_id FROM wallet_core.accounts a
     LEFT JOIN LATERAL (SELECT coalesce(sum(amount_minor), 0) AS total, count(*) AS entries, coalesce(max(seq), 0) AS last
                        FROM wallet_core.entries WHERE account_id = a.account_id) e ON true
     LEFT JOIN wallet_core.entries n ON n.account_id = a.account_id AND n.seq = a.entry_seq
     WHERE a.balance_minor <> e.total OR a.entry_seq <> e.entries OR a.entry_seq <> e.last
        OR a.balance_minor <> coalesce(n.balance_minor, 0)`,
  )
  expect(wrong).toEqual([])
  const app = new pg.Client(stack.database.settle)
  await app.connect()
  try {
    for (const client of [app, book]) {
      await expect(client.query('UPDATE wallet_core.entries SET amount_minor = 1')).rejects.toThrow()
      await expect(client.query('DELETE FROM wallet_core.entries')).rejects.toThrow()
    }
  } finally {
    await app.end()
  }
}

/** The book says what a model in memory says, wallet by wallet. */
async function expectModelAgrees({ book, market }: World, payments: readonly Told[]): Promise<void> {
  for (const { view, fate } of payments) {
    const end = view.status === 'failed' ? view.reason : view.status
    if (fate !== 'first_come') expect(`${view.localId} ${end}`).toBe(`${view.localId} ${fate}`)
    else expect(['succeeded', 'insufficient_funds']).toContain(end)
  }
  const contested = payments.filter(({ fate }) => fate === 'first_come')
  const enough = Math.floor(CONTESTED.balance / CONTESTED.amount)
  const served = contested.filter(({ view }) => view.status === 'succeeded')
  expect(served).toHaveLength(Math.min(contested.length, enough))

  const moved = payments.filter(({ view }) => view.status === 'succeeded').map(({ view }) => view)
  const { rows } = await book.query<{ wallet_id: string; balance: number }>(
    `SELECT wallet_id, balance_minor::int AS balance FROM wallet_core.accounts WHERE kind <> 'system'`,
  )
  const balances = Object.fromEntries(rows.map(({ wallet_id, balance }) => [wallet_id, balance]))
  expect(balances).toEqual(Object.fromEntries(market.balancesAfter(moved)))
}

/** 5. Every admitted transaction has exactly one end, and device, book and read model tell the same one. */
async function expectOneEnd(world: World, payments: readonly Told[]): Promise<void> {
  const rows = new Map((await booked(world)).map((row) => [row.local_id, row]))
  for (const { view } of payments) {
    const { status, reason = null, transferId = null } = view
    expect(isFinal(status as PaymentStatus), `${view.localId} is ${status}`).toBe(true)
    expect(rows.get(view.localId), view.localId).toMatchObject({ status, reason, transfer_id: transferId })
  }
  await eventually('the read model shows every bundle with the ends of its payments', async () => {
    const shown = await shownPayments(world)
    // Thrown rather than answered: what differs is then shown when the time is up.
    expect(shown.sort()).toEqual(
      payments.map(({ view }) => [view.localId, view.status, ...(view.reason ? [view.reason] : [])].join(' ')).sort(),
    )
    return true
  })
}

async function shownPayments(world: World): Promise<string[]> {
  const { results } = await (await world.d1())
    .prepare('SELECT device_id, payments FROM offline_tx_bundles')
    .all<{ device_id: string; payments: string }>()
  return results.flatMap(({ device_id, payments }) =>
    statesOf(JSON.parse(payments)).map(([counter, ...end]) => [`${device_id}/${counter}`, ...end].join(' ')),
  )
}

/** Nothing is left in any inbox, outbox or queue, and nobody owes anything. */
async function expectNothingUnderWay(world: World): Promise<void> {
  const { rows } = await world.book.query(
    `SELECT (SELECT count(*) FROM offline_sync_queue WHERE status <> 'done')::int AS inbox,
            (SELECT count(*) FROM offline_outbox WHERE delivered_version < version)::int AS outbox,
            (SELECT count(*) FROM offline_conflicts)::int AS conflicts`,
  )
  expect(rows).toEqual([{ inbox: 0, outbox: 0, conflicts: 0 }])
  for (const { sdk } of world.devices) expect(sdk.state).toMatchObject({ unsynced: 0, damaged: [] })
  // A copy may still be leased by somebody who died; that it comes again changes nothing.
  await world.stack.queue('POST', 'expire')
  await eventually('the settle queue is empty', async () => (await world.queued()) === 0)
  await eventually('no object owes anything', async () => {
    await world.runAlarms()
    expect(await owed(world)).toEqual(world.deviceIds.map((id) => ({ id, settle: 0, index: 0 })))
    return true
  })
}

async function owed({ stack, deviceIds }: World) {
  const token = await stack.issuer.token('auditor', ['pay_auditor'])
  return Promise.all(
    deviceIds.map(async (id) => {
      const answer = await fetch(`${stack.edge.url}/offline/devices/${id}`, {
        headers: { authorization: `Bearer ${token}` },
      })
      const { owed } = (await answer.json()) as { owed: { settle: number; index: number } }
      return { id, settle: owed.settle, index: owed.index }
    }),
  )
}

/** 7. Every bundle has its records, once, at the edge and in the book, and the book's chain is whole. */
async function expectAudited(world: World): Promise<void> {
  const bundles = world.devices.flatMap(({ receipts }) => [...receipts.keys()])
  const all = await listAudit(await world.d1(), {}, 100_000)
  const entries = all.filter(({ record }) => world.deviceIds.includes(`${record.deviceId}`))
  const at = (action: string) => entries.flatMap(({ record }) => (record.action === action ? [record] : []))
  // And nothing contradicted anything: no fork, no conflict, no replayed nonce.
  const once = ['device_registered', 'consent_asked', 'consent_given']
  const actions = [...once, 'bundle_admitted', 'bundle_settled']
  expect(entries.filter(({ record }) => !actions.includes(record.action))).toEqual([])
  for (const action of once) expect(at(action)).toHaveLength(world.devices.length)
  for (const action of ['bundle_admitted', 'bundle_settled']) {
    expect(at(action)).toHaveLength(bundles.length)
    expect(new Set(at(action).map(({ bundleId }) => bundleId))).toEqual(new Set(bundles))
  }
  const { rows } = await world.book.query<{ bundle_id: string; n: number }>(
    `SELECT bundle_id, count(*)::int AS n FROM offline_audit_logs WHERE action = 'bundle_settled' GROUP BY 1`,
  )
  expect(rows.filter(({ n }) => n !== 1)).toEqual([])
  expect(new Set(rows.map(({ bundle_id }) => bundle_id))).toEqual(new Set(bundles))
  expect((await world.book.query('SELECT * FROM offline_audit_breaks')).rows).toEqual([])
}
