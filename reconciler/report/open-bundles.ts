import type pg from 'pg'
import { parseSign1 } from '../../src/protocol/cose.ts'
import { ulidText } from '../../src/protocol/ids.ts'
import { parse } from '../../src/protocol/parse.ts'
import { decodeReceipt } from '../../src/protocol/receipt.ts'
import { parseSettleMessage } from '../../src/protocol/settle-codec.ts'

/** A bundle that is in the inbox and not in the book. Its receipt was read, not verified: that is what it waits for. */
export interface OpenBundle {
  readonly deviceId: string
  readonly bundleId: string
  readonly inbox: number
  /** Payments at most: voided counters are among them. */
  readonly paymentsMax: number
  /** `waiting: device`, `parked: invalid_signature`, `pending`. */
  readonly why: string
}

interface Row {
  id: number
  body: Uint8Array
  status: string
  waiting_for: string | null
  last_error: string | null
}

const BATCH = 500

/** Reads everything that is open in the inbox: as much as has piled up, not as much as was ever received. */
export async function openBundlesOf(
  pool: pg.Pool,
  country: string,
  from: Date,
  to: Date,
): Promise<readonly OpenBundle[]> {
  const open: OpenBundle[] = []
  for (let after = 0; ; ) {
    const { rows } = await pool.query<Row>(
      `SELECT id, body, status, waiting_for, last_error FROM offline_sync_queue
       WHERE kind = 'bundle' AND status IN ('pending', 'parked') AND id > $1 ORDER BY id LIMIT ${BATCH}`,
      [after],
    )
    for (const row of rows) {
      const found = read(row, country, from.getTime(), to.getTime())
      if (found !== undefined) open.push(found)
    }
    const last = rows.at(-1)
    if (last === undefined) return open
    after = last.id
  }
}

/** @returns undefined for other messages, other days, and what cannot be read: that is parked, and `status` shows it */
function read(row: Row, country: string, fromMs: number, toMs: number): OpenBundle | undefined {
  const parsed = parse(() => {
    const message = parseSettleMessage(new Uint8Array(row.body))
    return message.kind === 'bundle' ? decodeReceipt(parseSign1(message.receipt).payload) : undefined
  })
  const receipt = parsed.ok ? parsed.value : undefined
  if (receipt?.country !== country) return undefined
  if (receipt.receivedAtMs < fromMs || receipt.receivedAtMs >= toMs) return undefined
  return {
    deviceId: receipt.deviceId,
    bundleId: ulidText(receipt.bundleId),
    inbox: row.id,
    paymentsMax: receipt.lastCounter - receipt.firstCounter + 1,
    why: whyOf(row),
  }
}

function whyOf({ status, waiting_for, last_error }: Row): string {
  if (status === 'parked') return `parked: ${last_error ?? 'unknown'}`
  if (waiting_for !== null) return `waiting: ${waiting_for}`
  return last_error === null ? 'pending' : `tried again: ${last_error}`
}
