import type { ReviewChoice } from '../../protocol/messages.ts'

/** What one person said about payments of a bundle, at once. */
export interface ShownVote {
  readonly kind: 'review' | 'reversal'
  readonly counters: readonly number[]
  readonly choice: ReviewChoice
  readonly actor: string
  readonly at: number
  readonly reason: string
  /** Beside the reason of a reversal. */
  readonly note?: string
}

const SELECT = `
  SELECT device_id, bundle_id, at, actor, action, detail FROM offline_audit_logs
  WHERE bundle_id IN (SELECT value FROM json_each(?)) AND action IN ('review_voted', 'reversal_voted')
  ORDER BY bundle_id, at, id`

interface Row {
  readonly device_id: string
  readonly bundle_id: string
  readonly at: number
  readonly actor: string
  readonly action: `${ShownVote['kind']}_voted`
  readonly detail: string
}

/**
 * Votes as the audit log has them: a ballot is one record there (durable-objects/device/people/administration.ts), however many payments
 * it is about, and so takes its reason to D1 once.
 *
 * @returns those about a bundle, the first cast first
 */
export async function readVotes(
  db: D1Database,
  bundleIds: readonly string[],
): Promise<(bundleId: string, deviceId: string) => readonly ShownVote[]> {
  const { results } = await db.prepare(SELECT).bind(JSON.stringify(bundleIds)).all<Row>()
  // Several devices may have chosen the same bundle id.
  const byBundle = Map.groupBy(results, (row) => `${row.bundle_id} ${row.device_id}`)
  return (bundleId, deviceId) => (byBundle.get(`${bundleId} ${deviceId}`) ?? []).map(toVote)
}

function toVote({ at, actor, action, detail }: Row): ShownVote {
  const { choice, reason, note, counters } = JSON.parse(detail) as {
    choice: ReviewChoice
    reason: string
    note?: string
    counters: string
  }
  const kind = action === 'review_voted' ? 'review' : 'reversal'
  return {
    kind,
    counters: counters.split(' ').map(Number),
    choice,
    actor,
    at,
    reason,
    ...(note !== undefined && { note }),
  }
}
