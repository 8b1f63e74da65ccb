import { logger } from '../log.ts'
import { countBundles } from '../metrics/count-bundles.ts'
import type { IndexMessage } from './index-message.ts'
import { auditInserts, bundleUpserts, deviceUpserts } from './projections.ts'

/**
 * The index queue's consumer: writes up to 100 messages to D1 in one batch, which is one transaction. Rows carry a rev
 * and only a newer one replaces, so repeats and any order are fine. When D1 fails, the Queue brings the batch again; if it
 * gives up, the Device Object sees that D1 does not show its rows, and sends them anew.
 */
export async function consumeIndex(batch: MessageBatch<IndexMessage>, db: D1Database): Promise<void> {
  const messages = batch.messages.map(({ body }) => body)
  const statements = [
    // Before the rows: it counts what they change.
    ...countBundles(
      db,
      messages.flatMap(({ bundle }) => bundle ?? []),
    ),
    ...deviceUpserts(
      db,
      messages.flatMap(({ device }) => device ?? []),
    ),
    ...bundleUpserts(
      db,
      messages.flatMap(({ bundle }) => bundle ?? []),
    ),
    ...auditInserts(
      db,
      messages.flatMap(({ audit }) => audit ?? []),
    ),
  ]
  if (statements.length === 0) return
  try {
    await db.batch(statements)
  } catch (error) {
    logger.warn('read model not written; the queue brings it again', { messages: messages.length, error })
    batch.retryAll({ delaySeconds: 5 })
  }
}
