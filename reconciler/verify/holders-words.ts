import type pg from 'pg'
import { loadDevices } from '../registry/registry.ts'
import { ALLOWANCE_ORDERS, ORDER_ROW, type OrderRow } from '../settle/allowance-orders.ts'
import { type AnswerRow, CLAIM_ANSWERS } from '../settle/claim-answers.ts'
import { isSignedRow } from '../settle/holders-word.ts'
import { MANDATE_EVIDENCE, MANDATES, type MandateEvidence } from '../settle/mandates.ts'
import type { Finding } from './check.ts'

/**
 * Words of holders that move nothing by themselves, and so are in no other check: an answer that was closed because nobody has signed
 * it, and a mandate that takes the place of the one before it. Whoever could close a signed answer so would bury the holder's
 * word; whoever could write a mandate would end the holder's.
 */
export async function checkHoldersWords(
  client: pg.ClientBase,
  examplesMax: number,
  /** All when left out. */
  payerIds?: readonly string[],
): Promise<Finding> {
  const { rows: closed } = await client.query<AnswerRow>(
    `SELECT payer_device_id, rev, device_id, counter, content_hash, amount_minor, choice, payer_wallet, answer
     FROM offline_claim_answers WHERE result = 'not_signed' AND ($1::text[] IS NULL OR payer_device_id = ANY ($1))`,
    [payerIds ?? null],
  )
  const { rows: given } = await client.query<{ mandate: MandateEvidence }>(
    `SELECT ${MANDATE_EVIDENCE} AS mandate FROM offline_mandates m
     WHERE m.is_his AND ($1::text[] IS NULL OR m.payer_device_id = ANY ($1))`,
    [payerIds ?? null],
  )
  const { rows: orders } = await client.query<OrderRow & { result: string | null; is_his: boolean }>(
    `SELECT ${ORDER_ROW}, result, is_his FROM offline_allowance_orders
     WHERE (is_his OR result = 'not_signed') AND ($1::text[] IS NULL OR payer_device_id = ANY ($1))`,
    [payerIds ?? null],
  )
  const mandates = given.map(({ mandate }) => mandate)
  const payers = [...closed, ...mandates, ...orders].map(({ payer_device_id }) => payer_device_id)
  const registry = payers.length === 0 ? new Map() : await loadDevices(client, payers)
  const wrong: object[] = []
  for (const row of closed) {
    const { payer_device_id, rev } = row
    if (await isSignedRow(CLAIM_ANSWERS, row, registry))
      wrong.push({ payer_device_id, rev, fault: 'signed_answer_closed' })
  }
  for (const row of mandates) {
    const { payer_device_id, rev } = row
    if (!(await isSignedRow(MANDATES, row, registry))) wrong.push({ payer_device_id, rev, fault: 'mandate_not_signed' })
  }
  for (const row of orders) {
    const { payer_device_id, rev, result, is_his: isHis } = row
    const isSigned = await isSignedRow(ALLOWANCE_ORDERS, row, registry)
    if (result === 'not_signed' ? isSigned : isHis && result !== null && !isSigned)
      wrong.push({ payer_device_id, rev, fault: isSigned ? 'signed_order_closed' : 'order_not_signed' })
  }
  return {
    check: 'holders_words',
    promise:
      'no answer or order that a device of the wallet has signed was closed as nobody’s, and each mandate and order that counts is signed',
    found: wrong.length,
    examples: wrong.slice(0, examplesMax),
  }
}
