import { z } from '@hono/zod-openapi'
import { CLAIM_CHOICES } from '../../protocol/claims.ts'
import { CODE_STATES } from '../../protocol/consent-code.ts'
import { DEVICE_STATUSES, REVIEW_CHOICES } from '../../protocol/messages.ts'
import { WALLET_FAULTS } from '../../protocol/owner-wallet.ts'
import { PAYMENT_METHODS, PAYMENT_TYPES } from '../../protocol/payment.ts'
import { COUNTRIES } from '../../protocol/policy.ts'
import { BUNDLE_STATUSES, DECISIONS, PAYMENT_STATUSES } from '../../protocol/states.ts'
import { CONTENTS } from '../ingest/open-stored.ts'
import { PROPOSAL_STATES } from '../policies/proposal.ts'

/**
 * What the API answers, as its document says it. Closed: an answer with a member that is not here is a fault, and a test holds
 * real answers of every route against them. Times are UTC milliseconds, amounts minor units, bytes base64url.
 */
const count = z.int().min(0)
const atMs = count.openapi({ description: 'UTC milliseconds', example: 1_793_000_000_000 })
const bytes = z.string().openapi({ format: 'base64url' })
const hex = z.string().openapi({ format: 'hex' })
const id = z.string()
const country = z.enum(COUNTRIES)
const localId = z.string().openapi({ example: 'POS-001/42' })
const reason = z.string().openapi({ example: 'insufficient_funds' })
const score = z.number().min(0).max(1)

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

const key = z.strictObject({ kid: hex, alg: z.int() })
export const registered = z.strictObject({ device_id: id, country, tenant: id, kid: hex })
export const heldKey = z.strictObject({ device_id: id, kid: hex })
export const standing = z.strictObject({
  device_id: id,
  status: z.enum(DEVICE_STATUSES),
  ended: z
    .strictObject({
      reviews: z.int().openapi({ description: 'Payments that waited for people' }),
      claims: z.int().openapi({
        description:
          'Payments that waited for their payers. One whose payer said yes before the book had heard of the revocation is posted all the same',
      }),
    })
    .optional()
    .openapi({ description: 'What waited on the device and failed with it; only of the act that revoked it' }),
})
const ownerWalletFault = z.enum(WALLET_FAULTS).nullable().openapi({
  description:
    'What the ledger says of the wallet that the device is registered for. `unknown`: it has no such account, nothing that is paid to it can be posted. `foreign`: another tenant opened it, and of this device only what payers signed is posted. `null`: nothing is known against it',
})
export const listedDevice = z.strictObject({
  device_id: id,
  tenant: id,
  country,
  status: z.enum(DEVICE_STATUSES),
  alg: z.int(),
  kid: hex,
  registered_at: atMs,
  owner_wallet_fault: ownerWalletFault,
  rebuilt_at: atMs
    .nullable()
    .openapi({ description: 'When what is listed of the device was last made again from its object' }),
})
const consentRequest = { request: id, kid: hex, asked_by: z.string(), asked_at: atMs, until: atMs }
/** In a list over all devices. */
export const askedConsent = z
  .strictObject({ device_id: id, tenant: id, country, ...consentRequest })
  .openapi('AskedConsent')
export const consents = z
  .strictObject({
    asked: z
      .strictObject(consentRequest)
      .nullable()
      .openapi({ description: 'What another person may confirm, for 7 days' }),
    code: z
      .strictObject({ no: count, asked_at: atMs, until: atMs, state: z.enum(CODE_STATES), wrong: count })
      .nullable()
      .openapi({
        description: "The device's newest request for a code to the wallet's holder, as the book says it is",
      }),
    given: z.array(
      z.strictObject({
        kid: hex,
        asked_by: z.string(),
        confirmed_by: z.string(),
        given_at: atMs,
        until: atMs,
        withdrawn_at: atMs.nullable(),
        withdrawn_by: z.string().nullable(),
        refused_at: atMs.nullable().openapi({ description: 'When the ledger said that it does not bear it out' }),
      }),
    ),
  })
  .openapi('Consents')
export const device = z
  .strictObject({
    device_id: id,
    status: z.enum(DEVICE_STATUSES),
    country,
    tenant: id,
    registered_at: atMs,
    owner_wallet_fault: ownerWalletFault,
    owner_wallet_masked: z.string().openapi({ description: 'Its last characters', example: '***567' }),
    registered_by: z.string(),
    pays_by: z.strictObject({ word: z.enum(['consent', 'payer']), until: atMs.nullable() }).openapi({
      description:
        "By whose word the device pays. `consent`: by its own, out of its owner's wallet, until then; `payer`: it only receives, and everything it takes needs its payer's word",
    }),
    consents,
    key,
    older_keys: z.array(
      key.extend({ state: z.enum(['retiring', 'retired', 'revoked']), last_seq: z.int().nullable() }),
    ),
    last_seq: count,
    missing_seqs: z.array(z.int()),
    missing_counters: z.array(z.int()),
    contradictions: count,
    activity: z.array(z.strictObject({ date: z.string(), currency: z.string(), count, value: count })),
    last_push_at: atMs.nullable(),
    reputation: score.openapi({ description: '0 is the worst, 0.5 a device that nobody knows' }),
    last_risk_score: score.nullable(),
    owed: z.strictObject({ settle: count, index: count, escalations: count, oldest_at: atMs.nullable() }),
  })
  .openapi('Device')
export const evidence = z.strictObject({
  kind: z.string(),
  seq: z.int(),
  against_seq: z.int().nullable().openapi({ description: 'Seq of the admitted bundle that it contradicts' }),
  at: atMs,
  digest: hex.openapi({ description: 'SHA-256 of the sealed bytes of the bundle that contradicts' }),
  signed: bytes.openapi({ description: 'That bundle as a COSE_Sign1 with detached payload: header and signature' }),
  admitted: bytes.nullable().openapi({ description: 'The admitted bundle, whole' }),
})

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

export const auditRecord = z
  .strictObject({
    id,
    device_id: id.nullable(),
    tenant: id.nullable(),
    bundle_id: id.nullable(),
    request_id: id.nullable(),
    at: atMs,
    actor: z.string(),
    action: z.string(),
    detail: z.record(z.string(), z.union([z.string(), z.number()])),
  })
  .openapi('AuditRecord')
export const escalation = z.strictObject({
  id,
  device_id: id,
  tenant: id,
  at: atMs,
  kind: z.string(),
  seq: z.int(),
  evidence: z.string().openapi({ description: 'Path of both signatures' }),
})

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
    next: z.strictObject({ counter: z.int(), seq: z.int() }).optional(),
    answers_nonce: hex.optional(),
    owner_wallet_fault: z.enum(WALLET_FAULTS).optional(),
    claims: z
      .array(
        z.strictObject({
          local_id: localId,
          content_hash: hex,
          type: z.enum(PAYMENT_TYPES),
          amount: count,
          currency: z.string(),
          receiver: z.string(),
          initiated_at: atMs,
          open_until: atMs,
        }),
      )
      .optional()
      .openapi({ description: "Payments out of the owner's wallet that wait for its holder's word" }),
    mandated: z
      .array(
        z.strictObject({
          local_id: localId,
          type: z.enum(PAYMENT_TYPES),
          amount: count,
          currency: z.string(),
          receiver: z.string(),
          initiated_at: atMs,
          posted_at: atMs,
        }),
      )
      .optional()
      .openapi({ description: "Payments out of the owner's wallet that its holder's mandates paid, the newest first" }),
    pays_until: atMs.optional(),
    signed: bytes,
  })
  .openapi('Notice')
export const pushAnswer = z.strictObject({ receipt, notice })
export const claimAnswered = z.strictObject({
  choice: z.enum(CLAIM_CHOICES).openapi({ description: 'The choice that stands: that of the first answer' }),
})
export const consentTaken = z.strictObject({
  until: z.int().openapi({ description: 'Until when the device pays by it, UTC milliseconds' }),
})
export const codeAsked = z.strictObject({
  no: count.openapi({ description: "The request's number, which answers name" }),
  until: z.int().openapi({ description: 'Until when it can be answered, UTC milliseconds' }),
  state: z.enum(CODE_STATES).openapi({
    description:
      'waiting: it goes to the holder; sent; off, unknown_wallet, no_phone, too_many, undelivered: none comes, and why',
  }),
})
export const codeCame = z.strictObject({
  state: z
    .enum(['waiting', 'accepted', 'wrong', 'over', 'off', 'unknown_wallet', 'no_phone', 'too_many', 'undelivered'])
    .openapi({
      description:
        'waiting: the book is asked, send the same again; over: too late, or too often wrong; ask for another',
    }),
  tries_left: count,
  pays_until: atMs.optional().openapi({ description: 'Until when the device pays; when it was accepted' }),
})
export const mandateGiven = z.strictObject({
  no: count.openapi({ description: "The mandate's own number" }),
})
export const confirmed = z.strictObject({
  devices: z.record(z.string(), z.enum(['confirmed', 'unknown_device', 'malformed', 'retry'])),
})
