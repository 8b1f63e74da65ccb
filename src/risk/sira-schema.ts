import * as z from 'zod'
import { localId } from '../protocol/ids.ts'
import { err, ok, type Result } from '../protocol/result.ts'
import { REASONS_MAX } from './limits.ts'
import type { RemoteFailure, RemoteScore, RiskReason } from './score.ts'
import type { BulkItem, BundleFacts, TransactionFacts } from './sira-request.ts'

/**
 * SIRA's answers, read strictly: a score that is no number in 0–1, a name that was not asked about, one that is missing
 * or stands twice make the whole answer invalid, because nothing says which part of it would be right. Members we do
 * not know are left alone, so that SIRA can add some.
 */
// zod's number takes neither NaN nor the infinity that JSON.parse makes of 1e999.
const score = z.number().min(0).max(1)

/** Reasons are codes. Free text, or digits enough for a phone number, could carry what must not be stored. */
const reasonCode = z
  .string()
  .regex(/^[a-z][a-z0-9_]{0,63}$/)
  .refine((code) => !/\d{5}/.test(code))

const scored = z.object({
  score,
  reasons: z.array(reasonCode).max(REASONS_MAX),
  model: z.string().regex(/^[A-Za-z0-9._-]{1,32}$/),
})
const bundleScore = scored.extend({
  bundle_id: z.string(),
  /** Those that SIRA scores by themselves; need not be all. */
  transactions: z.array(z.object({ transaction_id: z.string(), score })).optional(),
})
const transactionScore = scored.extend({ transaction_id: z.string() })
const bulkScores = z.object({ bundles: z.array(bundleScore), transactions: z.array(transactionScore) })
const reputation = z.object({ device_id: z.string(), reputation: score, model: scored.shape.model })
const escalated = z.object({
  escalation_id: z.string(),
  status: z.literal('accepted'),
  reference: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
})

export type Read<T> = (answer: unknown) => Result<T, RemoteFailure>

const SHAPE: RemoteFailure = { reason: 'invalid_answer', what: 'shape' }
const IDS: RemoteFailure = { reason: 'invalid_answer', what: 'ids' }

export function readBundleScore(bundle: BundleFacts): Read<RemoteScore> {
  return (answer) => {
    const parsed = bundleScore.safeParse(answer)
    return parsed.success ? bundleResult(parsed.data, bundle) : err(SHAPE)
  }
}

export function readTransactionScore(transaction: TransactionFacts): Read<RemoteScore> {
  return (answer) => {
    const parsed = transactionScore.safeParse(answer)
    return parsed.success ? transactionResult(parsed.data, transaction) : err(SHAPE)
  }
}

/** @returns a score for each item, in their order */
export function readBulkScores(items: readonly BulkItem[]): Read<readonly RemoteScore[]> {
  return (answer) => {
    const parsed = bulkScores.safeParse(answer)
    if (!parsed.success) return err(SHAPE)
    const bundles = new Map(parsed.data.bundles.map((bundle) => [bundle.bundle_id, bundle]))
    const transactions = new Map(parsed.data.transactions.map((one) => [one.transaction_id, one]))
    const answered = parsed.data.bundles.length + parsed.data.transactions.length
    // As many answers as questions, and an answer to each: then none is foreign and none stands twice.
    if (answered !== items.length) return err(IDS)
    const scores: RemoteScore[] = []
    for (const item of items) {
      const result = item.kind === 'bundle' ? ofBundle(item.bundle) : ofTransaction(item.transaction)
      if (!result.ok) return result
      scores.push(result.value)
    }
    return ok(scores)

    function ofBundle(facts: BundleFacts) {
      const found = bundles.get(facts.bundleId)
      return found === undefined ? err(IDS) : bundleResult(found, facts)
    }
    function ofTransaction(facts: TransactionFacts) {
      const found = transactions.get(localId(facts.deviceId, facts.payment.counter))
      return found === undefined ? err(IDS) : transactionResult(found, facts)
    }
  }
}

export interface RemoteReputation {
  /** 0 is the worst, 1 the best. */
  readonly reputation: number
  readonly version: string
}

export function readReputation(deviceId: string): Read<RemoteReputation> {
  return (answer) => {
    const parsed = reputation.safeParse(answer)
    if (!parsed.success) return err(SHAPE)
    if (parsed.data.device_id !== deviceId) return err(IDS)
    return ok({ reputation: parsed.data.reputation, version: parsed.data.model })
  }
}

/** @returns SIRA's own reference of the case */
export function readEscalated(id: string): Read<string> {
  return (answer) => {
    const parsed = escalated.safeParse(answer)
    if (!parsed.success) return err(SHAPE)
    return parsed.data.escalation_id === id ? ok(parsed.data.reference) : err(IDS)
  }
}

function bundleResult(answer: z.infer<typeof bundleScore>, bundle: BundleFacts): Result<RemoteScore, RemoteFailure> {
  if (answer.bundle_id !== bundle.bundleId) return err(IDS)
  const counters = new Map(bundle.payments.map(({ counter }) => [localId(bundle.deviceId, counter), counter]))
  const payments = new Map<number, number>()
  for (const { transaction_id: id, score: own } of answer.transactions ?? []) {
    const counter = counters.get(id)
    if (counter === undefined || payments.has(counter)) return err(IDS)
    payments.set(counter, own)
  }
  return ok(remoteScore(answer, [...payments]))
}

function transactionResult(
  answer: z.infer<typeof transactionScore>,
  { deviceId, payment }: TransactionFacts,
): Result<RemoteScore, RemoteFailure> {
  if (answer.transaction_id !== localId(deviceId, payment.counter)) return err(IDS)
  return ok(remoteScore(answer, []))
}

function remoteScore(answer: z.infer<typeof scored>, payments: RemoteScore['payments']): RemoteScore {
  const reasons = answer.reasons.map((rule): RiskReason => ({ rule }))
  return { scoredBy: 'sira', score: answer.score, payments, reasons, version: answer.model }
}
