import type pg from 'pg'
import { parseAllowanceOrder, type SignedAllowanceOrder } from '../../src/protocol/allowances.ts'
import { equalBytes } from '../../src/protocol/bytes.ts'
import type { AllowanceOrderMessage } from '../../src/protocol/messages.ts'
import type { AuditRecord } from '../audit.ts'
import type { TakenWord, WordKind, WordRow, WordRows } from './holders-word.ts'

/**
 * Holders' orders about allowances: inbox → `offline_allowance_orders` (holders-word.ts). Carried out is what is due (allowances.ts), so an
 * order to close that comes before the one to open waits for it.
 */
export const ALLOWANCE_ORDERS: WordKind<AllowanceOrderMessage, SignedAllowanceOrder> &
  WordRows<SignedAllowanceOrder, OrderRow> = {
  name: 'allowance_order',
  aad: 'molam-allowance-order-v1',
  table: 'offline_allowance_orders',
  column: 'signed',
  faults: { malformed: 'malformed_order', conflict: 'order_conflict' },
  signedIn: ({ order }) => order,
  parse: parseAllowanceOrder,
  walletIn: ({ order }) => order.wallet,
  insert: insertOrder,
  signedOf: ({ signed }) => new Uint8Array(signed),
  walletOf: ({ wallet }) => wallet,
  says: ({ claims, order }, row) =>
    equalBytes(claims.kid, new Uint8Array(row.kid)) &&
    order.choice === row.choice &&
    order.no === row.no &&
    (order.choice === 'open'
      ? order.currency === row.currency && order.ceiling === row.ceiling_minor
      : order.n === row.n && order.spent === row.spent_minor),
}

/** A row of `offline_allowance_orders` with the signed order that it was made of. */
export interface OrderRow extends WordRow {
  readonly choice: 'open' | 'close'
  readonly no: number
  readonly kid: Uint8Array
  readonly wallet: string
  readonly currency: string | null
  readonly ceiling_minor: number | null
  readonly n: number | null
  readonly spent_minor: number | null
  readonly signed: Uint8Array
}

/** SQL: the columns of an `OrderRow`. */
export const ORDER_ROW =
  'payer_device_id, rev, choice, no, kid, wallet, currency, ceiling_minor, n, spent_minor, signed'

async function insertOrder(
  client: pg.ClientBase,
  { deviceId, rev, atMs, order: encoded }: AllowanceOrderMessage,
  { claims, order }: SignedAllowanceOrder,
  { isHolders, at }: TakenWord,
): Promise<AuditRecord | undefined> {
  const { choice, no, wallet } = order
  const [opens, closes] = order.choice === 'open' ? [order, undefined] : [undefined, order]
  const { rowCount } = await client.query(
    `INSERT INTO offline_allowance_orders (payer_device_id, rev, choice, no, kid, wallet, currency, ceiling_minor, n, spent_minor,
       given_at, signed, recorded_at, is_his)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)
     ON CONFLICT (payer_device_id, rev) DO NOTHING`,
    [
      ...[deviceId, rev, choice, no, Buffer.from(claims.kid), wallet],
      ...[opens?.currency ?? null, opens?.ceiling ?? null, closes?.n ?? null, closes?.spent ?? null],
      ...[new Date(atMs), Buffer.from(encoded), at, isHolders],
    ],
  )
  const detail = opens
    ? { rev, no, choice, ceiling: opens.ceiling }
    : { rev, no, choice, n: closes?.n, spent: closes?.spent }
  return rowCount === 1 ? { deviceId, action: 'allowance_ordered', detail } : undefined
}
