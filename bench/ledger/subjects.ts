import { createHash, randomBytes } from 'node:crypto'
import type pg from 'pg'
import type { BenchPayment } from './payments.ts'

/** One side of a comparison: writes a batch in one round trip and one transaction. */
export interface Subject {
  readonly sql: string
  /** Made before anything is measured. */
  values(batch: readonly BenchPayment[]): unknown[]
  /** What has to be there before, by another login: not measured. */
  readonly before?: string
  /** How many rows the answer counts; undefined when it counts nothing. */
  readonly counts?: boolean
}

export async function write(
  client: pg.Client,
  { sql, counts }: Subject,
  values: unknown[],
  size: number,
): Promise<void> {
  const { rows } = await client.query<{ done: string }>(sql, values)
  if (counts && Number(rows[0]?.done) !== size) throw new Error(`${rows[0]?.done} of ${size} payments`)
}

/** In a transaction of its own, by whoever records. */
export async function prepare(client: pg.Client, { before }: Subject, values: unknown[]): Promise<void> {
  if (before !== undefined) await client.query(before, values.slice(0, SIGNED_VALUES))
}

const column = <T>(batch: readonly BenchPayment[], pick: (payment: BenchPayment) => T): T[] => batch.map(pick)
const AT = new Date()

const postingValues = (batch: readonly BenchPayment[]) => [
  column(batch, ({ deviceId }) => deviceId),
  column(batch, ({ counter }) => counter),
  column(batch, () => 'merchant'),
  column(batch, ({ sender }) => sender),
  column(batch, ({ receiver }) => receiver),
  column(batch, ({ amount }) => amount),
  column(batch, () => 'XOF'),
  AT,
]
const POST = `wallet_core.post_transfers('payment', (
    SELECT array_agg(wallet_core.request_payment(device_id, counter, type, sender, receiver, amount_minor, currency,
                                                 NULL, NULL, NULL, NULL) ORDER BY no)
    FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::text[])
         WITH ORDINALITY AS x (device_id, counter, type, sender, receiver, amount_minor, currency, no)), $8)`

/** The signed bundles of a batch, from the values of settling it. */
const RECORD_SIGNED = `
  INSERT INTO offline_signed_bundles (device_id, bundle_id, digest, bundle, receipt, payments, recorded_at)
  SELECT device_id, bundle_id, sha256(device_id::bytea), 'x', 'x',
         array_agg(ROW(counter, hash, type, method, amount, currency, sender, receiver, merchant, at, 'accepted', NULL, NULL)
                     ::offline_signed_payment ORDER BY counter), now()
  FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bytea[], $5::text[], $6::text[], $7::bigint[], $8::text[], $9::text[],
              $10::text[], $11::text[], $12::timestamptz[])
         AS x (device_id, counter, bundle_id, hash, type, method, amount, currency, sender, receiver, merchant, at)
  GROUP BY device_id, bundle_id`
const SIGNED_VALUES = 12

/** The ledger alone, as the reconciler’s function reaches it. */
export const posting: Subject = {
  sql: `SELECT count(*) FILTER (WHERE result = 'posted') AS done FROM ${POST}`,
  values: postingValues,
  counts: true,
}

/** The same batch again: nothing may be posted. */
export const postingAgain: Subject = {
  sql: `SELECT count(*) FILTER (WHERE result = 'exists') AS done FROM ${POST}`,
  values: postingValues,
  counts: true,
}

/** Everything that settling does for payments: their signed bundle is looked up, their rows, the ledger, activity. */
export const settling: Subject = {
  sql: `SELECT count(*) FILTER (WHERE status = 'succeeded') AS done FROM offline_record_transactions(
          $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13::date[], $14, $15, $16, $17, $18, $19,
          $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31)`,
  before: RECORD_SIGNED,
  values: (batch) => [
    column(batch, ({ deviceId }) => deviceId),
    column(batch, ({ counter }) => counter),
    column(batch, () => BUNDLE_ID),
    column(batch, hashOf),
    column(batch, () => 'merchant'),
    column(batch, () => 'qr'),
    column(batch, ({ amount }) => amount),
    column(batch, () => 'XOF'),
    column(batch, ({ sender }) => sender),
    column(batch, ({ receiver }) => receiver),
    column(batch, () => null),
    column(batch, () => AT),
    column(batch, () => '2026-11-22'),
    column(batch, () => 'SN'),
    column(batch, () => AT),
    column(batch, () => 'pending'),
    column(batch, () => null),
    column(batch, () => 0.05),
    column(batch, () => true),
    column(batch, () => null),
    column(batch, () => null),
    column(batch, () => null),
    column(batch, () => null),
    column(batch, () => null),
    column(batch, () => true),
    column(batch, () => null),
    column(batch, () => null),
    column(batch, () => null),
    column(batch, () => null),
    [],
    AT,
  ],
  counts: true,
}

const BARE_CTES = `t AS (
  INSERT INTO bare.transfers (transfer_id, kind, source_id, source_no, debit_account_id, credit_account_id,
                              amount_minor, currency, posted_at)
  SELECT id, 'payment', source_id, source_no, debit, credit, amount, 'XOF', $7
  FROM unnest($1::uuid[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[])
    AS x (id, source_id, source_no, debit, credit, amount))`
const BARE_ENTRIES = `
  INSERT INTO bare.entries (account_id, seq, transfer_id, amount_minor, balance_minor, posted_at)
  SELECT account_id, seq, id, amount, balance, $7
  FROM unnest($8::bigint[], $9::bigint[], $10::uuid[], $11::bigint[], $12::bigint[])
    AS e (account_id, seq, id, amount, balance)`
const BARE_TRANSACTIONS = `
  INSERT INTO bare.transactions (device_id, counter, bundle_id, content_hash, type, method, amount_minor, currency,
    sender, receiver, merchant_id, initiated_at, status, reason, payer_proven, agent_proven, fee_minor, fee_bearer,
    risk_score, transfer_id, status_at)
  SELECT source_id, source_no, '${'0'.repeat(26)}', hash, 'merchant', 'qr', amount, 'XOF', sender, receiver, NULL, $7,
         'succeeded', NULL, true, true, 0, NULL, 0.05, id, $7
  FROM unnest($1::uuid[], $2::text[], $3::bigint[], $6::bigint[], $13::text[], $14::text[], $15::bytea[])
    AS x (id, source_id, source_no, amount, sender, receiver, hash)`
const BARE_LEDGER = `WITH ${BARE_CTES} ${BARE_ENTRIES}`

/**
 * The honest floor: the rows that posting leaves, in tables with the same indexes and checks, in one statement. All values
 * are given: nothing is looked up, locked, added up or compared, and no balance is updated.
 */
export const bareLedger: Subject = { sql: BARE_LEDGER, values: bareLedgerValues }

/** And with the payments’ own rows. */
export const bareSettlement: Subject = {
  sql: `WITH ${BARE_CTES}, p AS (${BARE_TRANSACTIONS}) ${BARE_ENTRIES}`,
  values: (batch) => [
    ...bareLedgerValues(batch),
    column(batch, ({ sender }) => sender),
    column(batch, ({ receiver }) => receiver),
    column(batch, hashOf),
  ],
}

const BUNDLE_ID = '0'.repeat(26)
const hashOf = ({ deviceId, counter }: BenchPayment) => createHash('sha256').update(`${deviceId}/${counter}`).digest()

/** Numbers of the accounts do not matter to the insert; how they are spread does. */
const accountOf = (wallet: string) => Number(wallet.slice(1)) + (wallet.startsWith('M') ? 1_000_000 : 1)
const state = new Map<number, { seq: number; balance: number }>()

function entry(account: number, amount: number): [seq: number, balance: number] {
  const last = state.get(account) ?? { seq: 0, balance: 1_000_000_000 }
  state.set(account, { seq: last.seq + 1, balance: last.balance + amount })
  return [last.seq + 1, last.balance + amount]
}

function bareLedgerValues(batch: readonly BenchPayment[]): unknown[] {
  const ids = batch.map(uuidv7)
  const debits = batch.map(({ sender }) => accountOf(sender))
  const credits = batch.map(({ receiver }) => accountOf(receiver))
  const amounts = batch.map(({ amount }) => amount)
  const accounts = batch.flatMap((_, i) => [debits[i] ?? 0, credits[i] ?? 0])
  const sides = amounts.flatMap((amount) => [-amount, amount])
  const made = accounts.map((account, i) => entry(account, sides[i] ?? 0))
  return [
    ids,
    batch.map(({ deviceId }) => deviceId),
    batch.map(({ counter }) => counter),
    debits,
    credits,
    amounts,
    AT,
    accounts,
    made.map(([seq]) => seq),
    ids.flatMap((id) => [id, id]),
    sides,
    made.map(([, balance]) => balance),
  ]
}

/** RFC 9562 §5.7, so that the index grows at its right edge as it does for the function. */
let sequence = 0
function uuidv7(): string {
  const ms = Date.now().toString(16).padStart(12, '0')
  sequence = (sequence + 1) & 0xfff
  const random = randomBytes(8).toString('hex')
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${sequence.toString(16).padStart(3, '0')}-8${random.slice(1, 4)}-${random.slice(4)}`
}
