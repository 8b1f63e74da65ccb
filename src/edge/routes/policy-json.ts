import { z } from '@hono/zod-openapi'
import { isCurrency } from '../../protocol/money.ts'
import { PAYMENT_METHODS } from '../../protocol/payment.ts'
import type { PolicyVersion } from '../../protocol/policy-version.ts'
import type { StoredProposal } from '../store/policy-proposals.ts'
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
    person_daily_value: amount,
    max_offline_value_between_syncs: amount,
    mandate_payment_max: amount,
    mandate_day_max: amount,
    allowance_max: amount,
    review_two_people_above: amount,
  })
  .partial()
  .refine((changes) => Object.keys(changes).length > 0, 'no change')

export function policyVersionJson(version: PolicyVersion) {
  return {
    ...policyJson(version.policy),
    review_two_people_above: version.reviewTwoPeopleAbove,
    effective_at: version.effectiveAtMs,
    proposed_by: version.proposedBy,
    confirmed_by: version.confirmedBy,
    confirmed_at: version.confirmedAtMs,
  }
}

export function proposalJson(proposal: StoredProposal) {
  return {
    id: proposal.id,
    country: proposal.country,
    after_version: proposal.afterVersion,
    based_on: proposal.basedOn,
    changes: proposal.changes,
    effective_at: proposal.effectiveAtMs ?? null,
    reason: proposal.reason,
    proposed_by: proposal.proposedBy,
    proposed_at: proposal.proposedAtMs,
    state: proposal.state,
    decided_by: proposal.decidedBy,
    decided_at: proposal.decidedAtMs,
  }
}
