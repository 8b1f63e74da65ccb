import { z } from '@hono/zod-openapi'
import { PAYMENT_METHODS } from '../../../protocol/payment.ts'
import { DECISIONS } from '../../../protocol/states.ts'
import { PROPOSAL_STATES } from '../../policies/proposal.ts'
import { atMs, count, country, id, reason, score } from './scalars.ts'

const policyFields = {
  country,
  version: z.int().min(1),
  enabled: z.boolean(),
  currency: z.string(),
  time_zone: z.string(),
  max_offline_amount: count,
  max_offline_per_device_per_day: count,
  max_offline_value_per_device_per_day: count,
  require_payer_proof_above: count,
  require_agent_approval_above: count,
  require_manual_review_above: count,
  allowed_methods: z.array(z.enum(PAYMENT_METHODS)),
  max_bundle_age_hours: count,
  max_clock_skew_minutes: count,
  max_relay_hours: count,
  accept_below_score: score,
  quarantine_above_score: score,
  max_days_since_sync: count,
  person_daily_value: count,
  max_offline_value_between_syncs: count,
  mandate_payment_max: count,
  mandate_day_max: count,
  allowance_max: count,
}
const { country: _, version: __, ...changeable } = policyFields
/** As devices are told it. */
export const policy = z.strictObject(policyFields).openapi('Policy')
const versionFields = {
  ...policyFields,
  review_two_people_above: count,
  effective_at: atMs,
  proposed_by: z.string(),
  confirmed_by: z.string(),
  confirmed_at: atMs,
}
export const policyVersion = z.strictObject(versionFields).openapi('PolicyVersion')
export const policyInForce = z.strictObject({ ...versionFields, scheduled: z.array(policyVersion) })
export const policyMade = z.strictObject({ ...versionFields, supersedes: z.array(z.int()) })
export const policyProposal = z
  .strictObject({
    id,
    country,
    after_version: z.int().min(1),
    based_on: z
      .int()
      .min(1)
      .openapi({ description: 'The version in force at its time, to which the changes are made' }),
    changes: z.strictObject({ ...changeable, review_two_people_above: count }).partial(),
    effective_at: atMs.nullable().openapi({ description: 'Null: at once' }),
    reason: z.string(),
    proposed_by: z.string(),
    proposed_at: atMs,
    state: z.enum(PROPOSAL_STATES),
    decided_by: z.string().nullable(),
    decided_at: atMs.nullable(),
  })
  .openapi('PolicyProposal')
export const dryRun = z.strictObject({
  policy: policyVersion,
  days: z.int(),
  devices: count,
  bundles: count,
  unopenable: count.openapi({ description: 'Bundles sealed to keys that are gone' }),
  cut_devices: count.openapi({ description: 'Devices with more bundles than are looked at' }),
  payments: z.array(
    z.strictObject({
      decided: z.enum(DECISIONS),
      would: z.enum(DECISIONS),
      reason: reason.optional(),
      count,
      amount: count,
    }),
  ),
  next_cursor: z.string().nullable(),
})
