import type pg from 'pg'
import { MalformedCbor } from '../../src/protocol/cbor.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import { ulidText } from '../../src/protocol/ids.ts'
import { parseSettleMessage } from '../../src/protocol/messages.ts'
import { decodeReceipt } from '../../src/protocol/receipt.ts'

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

function read(row: Row, country: string, fromMs: number, toMs: number): OpenBundle | undefined {
  try {
    const message = parseSettleMessage(new Uint8Array(row.body))
    if (message.kind !== 'bundle') return undefined
    const receipt = decodeReceipt(parseSign1(message.receipt).payload)
    if (receipt.country !== country) return undefined
    if (receipt.receivedAtMs < fromMs || receipt.receivedAtMs >= toMs) return undefined
    return {
      deviceId: receipt.deviceId,
      bundleId: ulidText(receipt.bundleId),
      inbox: row.id,
      paymentsMax: receipt.lastCounter - receipt.firstCounter + 1,
      why: whyOf(row),
    }
  } catch (error) {
    // Parked for that; `status` shows it.
    if (error instanceof MalformedCbor) return undefined
    throw error
  }
}

function whyOf({ status, waiting_for, last_error }: Row): string {
  if (status === 'parked') return `parked: ${last_error ?? 'unknown'}`
  if (waiting_for !== null) return `waiting: ${waiting_for}`
  return last_error === null ? 'pending' : `tried again: ${last_error}`
}
