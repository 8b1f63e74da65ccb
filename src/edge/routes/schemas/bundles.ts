import { z } from '@hono/zod-openapi'
import { REVIEW_CHOICES } from '../../../protocol/messages.ts'
import { PAYMENT_METHODS, PAYMENT_TYPES } from '../../../protocol/payment.ts'
import { BUNDLE_STATUSES, PAYMENT_STATUSES } from '../../../protocol/states.ts'
import { CONTENTS } from '../../ingest/open-stored.ts'
import { atMs, bytes, count, country, hex, id, localId, reason, score } from './scalars.ts'

const risk = z.strictObject({
  score,
  reasons: z.strictObject({
    shared: score.openapi({ description: 'What every payment of the bundle has' }),
    payments: z.array(z.tuple([z.int(), score])).openapi({ description: 'Counter and score of those that have more' }),
    reasons: z.array(z.strictObject({ rule: z.string(), detail: z.string().optional(), adds: z.number().optional() })),
    scored_by: z.enum(['sira', 'local', 'fixed']),
    fallback: z.string().optional(),
    version: z.string(),
  }),
})
const vote = z.strictObject({
  kind: z.enum(['review', 'reversal']),
  local_id: localId,
  choice: z.enum(REVIEW_CHOICES),
  actor: z.string(),
  at: atMs,
  reason: z.string(),
  note: z.string().optional(),
})
/** Absent where the bundle's recipient key is gone. */
const terms = {
  type: z.enum(PAYMENT_TYPES).optional(),
  method: z.enum(PAYMENT_METHODS).optional(),
  amount: count.optional(),
  currency: z.string().optional(),
  initiated_at: atMs.optional(),
}
const payment = z.strictObject({
  local_id: localId,
  status: z.enum(PAYMENT_STATUSES),
  reason: reason.optional(),
  ...terms,
})
const bundleFields = {
  bundle_id: id,
  device_id: id,
  country,
  tenant: id,
  seq: z.int().min(1),
  rev: z.int().min(1),
  status: z.enum(BUNDLE_STATUSES),
  currency: z.string(),
}
const admitted = { admitted_count: count, admitted_amount: count }
export const listedBundle = z.strictObject({
  ...bundleFields,
  first_counter: z.int(),
  last_counter: z.int(),
  ...admitted,
  risk_score: score,
  received_at: atMs,
  updated_at: atMs,
})
/** Whether what is shown of a bundle's payments comes from the bytes that its receipt names. */
const contents = z.enum(CONTENTS).openapi({
  description:
    'verified: payments are opened from the bytes that the edge’s receipt names; unopenable: their key is gone; ' +
    'not_verified: there are no such bytes, nobody decides by them; unavailable: they cannot be read now, ask again',
})
export const bundle = z
  .strictObject({
    ...bundleFields,
    contents,
    digest: hex.optional().openapi({ description: 'Of the receipt' }),
    ...admitted,
    policy_version: z.int(),
    risk,
    received_at: atMs,
    updated_at: atMs,
    payments: z.array(payment),
    votes: z.array(vote),
    bundle: bytes.optional(),
    receipt: bytes.optional(),
  })
  .openapi('Bundle', {
    description: '`digest`, `bundle` and `receipt` are absent when the contents are not verified, or unavailable',
  })
/** Today's name of a wallet (UTC), and in how many payments that wait it stands. */
const party = z
  .strictObject({ name: z.string().openapi({ example: '9f2c41d07be3' }), waiting: count, devices: count })
  .openapi('Party')
export const review = z
  .strictObject({
    ...bundleFields,
    received_at: atMs,
    contents,
    risk,
    payments: z.array(payment.extend({ counter: z.int(), payer: party.optional(), payee: party.optional() })),
    votes: z.array(vote),
  })
  .openapi('Review')
export const voteResult = z
  .strictObject({
    local_id: localId,
    choice: z.enum(REVIEW_CHOICES),
    agreed: z.array(z.string()),
    needed: z.int(),
    needed_for: z
      .enum(['amount', 'day'])
      .optional()
      .openapi({ description: 'Why two: the amount, or the sum of what this person has voted about today (UTC)' }),
    decided: z.boolean(),
  })
  .openapi('VoteResult')
