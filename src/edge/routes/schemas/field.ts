import { z } from '@hono/zod-openapi'
import { ALLOWANCE_STATES } from '../../../protocol/allowances.ts'
import { DEBIT_STATUSES } from '../../../protocol/debits.ts'
import { WALLET_FAULTS } from '../../../protocol/owner-wallet.ts'
import { PAYMENT_TYPES } from '../../../protocol/payment.ts'
import { BUNDLE_STATUSES, DECISIONS, PAYMENT_STATUSES } from '../../../protocol/states.ts'
import { policy } from './policies.ts'
import { atMs, bytes, count, country, hex, id, localId, reason } from './scalars.ts'

/** What devices in the field are answered, beside the bytes that the edge signs. */
export const receipt = z
  .strictObject({
    device_id: id,
    bundle_id: id,
    digest: hex,
    seq: z.int(),
    received_at: atMs,
    status: z.enum(BUNDLE_STATUSES),
    first_counter: z.int(),
    last_counter: z.int(),
    exceptions: z.array(z.strictObject({ local_id: localId, decision: z.enum(DECISIONS), reason: reason.optional() })),
    country,
    policy_version: z.int(),
    signed: bytes,
  })
  .openapi('Receipt')
export const keySet = z
  .strictObject({
    version: z.int(),
    keys: z.array(
      z.strictObject({
        kid: bytes,
        use: z.enum(['seal', 'receipt']),
        state: z.enum(['active', 'retiring', 'retired']),
        public_key: bytes,
      }),
    ),
  })
  .openapi('KeySet')
/** A payment out of the owner's wallet that somebody else's device took. */
const takenByOthers = {
  local_id: localId,
  type: z.enum(PAYMENT_TYPES),
  amount: count,
  currency: z.string(),
  receiver: z.string(),
  initiated_at: atMs,
}
export const notice = z
  .strictObject({
    device_id: id,
    server_time: atMs,
    outcomes: z.array(
      z.strictObject({
        local_id: localId,
        status: z.enum(PAYMENT_STATUSES),
        at: atMs,
        reason: reason.optional(),
        transfer_id: z.string().optional(),
      }),
    ),
    cursor: count,
    policy: policy.optional(),
    keys: keySet.optional(),
    missing: z.array(z.int()).optional(),
    device: z
      .strictObject({
        next_counter: z.int(),
        next_seq: z.int(),
        prev: hex,
        today: z.strictObject({ day: z.iso.date(), count, value: z.int() }),
      })
      .optional(),
    last_receipt: receipt
      .omit({ signed: true })
      .optional()
      .openapi({ description: 'Beside `device`: what the receipt of its last bundle says' }),
    next: z.strictObject({ counter: z.int(), seq: z.int() }).optional(),
    answers_nonce: hex.optional(),
    owner_wallet_fault: z.enum(WALLET_FAULTS).optional(),
    claims: z
      .array(
        z.strictObject({
          ...takenByOthers,
          content_hash: hex,
          open_until: atMs,
        }),
      )
      .optional()
      .openapi({ description: "Payments out of the owner's wallet that wait for its holder's word" }),
    mandated: z
      .array(
        z.strictObject({
          ...takenByOthers,
          posted_at: atMs,
        }),
      )
      .optional()
      .openapi({ description: "Payments out of the owner's wallet that its holder's mandates paid, the newest first" }),
    debits: z
      .array(
        z.strictObject({
          ...takenByOthers,
          request_id: hex.optional(),
          status: z.enum(DEBIT_STATUSES),
          status_at: atMs,
          reason: reason.optional(),
        }),
      )
      .optional()
      .openapi({
        description: "What became of what others took out of the owner's wallet on its holder's word, the newest first",
      }),
    pays_until: atMs.optional(),
    denied: z
      .array(z.strictObject({ version: z.int(), kid: hex, until: atMs, is_denied: z.boolean() }))
      .optional()
      .openapi({ description: 'Changes to the passes of payers that must not be believed' }),
    allowance: z
      .strictObject({
        no: count,
        ceiling: count,
        state: z.enum(ALLOWANCE_STATES),
        until: atMs.optional(),
        reason: reason.optional(),
      })
      .optional()
      .openapi({ description: 'How the newest allowance of the device is' }),
    pass: bytes.optional().openapi({ description: "A payer's pass, for a device that has asked for one" }),
    signed: bytes,
  })
  .openapi('Notice')
export const pushAnswer = z.strictObject({ receipt, notice })
