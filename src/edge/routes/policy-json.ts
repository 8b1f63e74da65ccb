import { z } from '@hono/zod-openapi'
import { isCurrency } from '../../protocol/money.ts'
import { PAYMENT_METHODS } from '../../protocol/payment.ts'
import type { PolicyVersion } from '../policies/version.ts'
import { policyJson } from './signed-json.ts'

/** Fields of a policy as people change them: the names of its columns, those that are to be another. */
const amount = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
/** On the wire scores are ten-thousandths; a finer one would be another number on the device. */
const score = z
  .number()
  .min(0)
  .max(1)
  .refine((value) => Math.round(value * 10_000) / 10_000 === value, 'ten-thousandths')

export const policyChanges = z
  .strictObject({
    enabled: z.boolean(),
    currency: z.string().refine(isCurrency),
    time_zone: z.string().min(1).max(64),
    max_offline_amount: amount,
    max_offline_per_device_per_day: z.int().min(0).max(100_000),
    max_offline_value_per_device_per_day: amount,
    require_payer_proof_above: amount,
    require_agent_approval_above: amount,
    require_manual_review_above: amount,
    allowed_methods: z.array(z.enum(PAYMENT_METHODS)).max(PAYMENT_METHODS.length),
    max_bundle_age_hours: z
      .int()
      .min(1)
      .max(24 * 31),
    max_clock_skew_minutes: z
      .int()
      .min(1)
      .max(24 * 60),
    max_relay_hours: z
      .int()
      .min(0)
      .max(24 * 31),
    accept_below_score: score,
    quarantine_above_score: score,
    max_days_since_sync: z.int().min(0).max(31),
    review_two_people_above: amount,
  })
  .partial()
  .refine((changes) => Object.keys(changes).length > 0, 'no change')

export function policyVersionJson(version: PolicyVersion) {
  return {
    ...policyJson(version.policy),
    review_two_people_above: version.reviewTwoPeopleAbove,
    effective_at: version.effectiveAtMs,
    created_at: version.createdAtMs,
    created_by: version.createdBy,
  }
}
