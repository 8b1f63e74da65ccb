import { localId } from '../protocol/ids.ts'
import type { Result } from '../protocol/result.ts'
import type { Breaker } from './breaker.ts'
import { BULK_CALLS_AT_ONCE, BULK_PAYMENTS_MAX } from './limits.ts'
import type { Hmac } from './pseudonym.ts'
import type { RemoteScorer } from './remote-scorer.ts'
import type { RemoteFailure, RemoteRisk } from './score.ts'
import { type Operation, type SiraDeps, type SiraSettings, SiraTransport } from './sira-call.ts'
import {
  type BulkItem,
  type BundleFacts,
  bulkBody,
  bundleBody,
  type Escalation,
  escalationBody,
  type TransactionFacts,
  transactionBody,
} from './sira-request.ts'
import {
  type RemoteReputation,
  readBulkScores,
  readBundleScore,
  readEscalated,
  readReputation,
  readTransactionScore,
} from './sira-schema.ts'

/**
 * SIRA over HTTP. Keep one instance an isolate or process: its breakers remember that SIRA is down. Nothing here throws
 * for what SIRA does or fails to do.
 *
 * @example
 * const sira = new SiraClient({ baseUrl, apiKey }, hmac, { fetch: (url, init) => fetch(url, init), nowMs, after, random, observe })
 * const remote = await sira.scoreBundle(facts, requestId)
 * const risk = combine(remote, assessLocally(input))
 */
export class SiraClient implements RemoteScorer {
  readonly takesEscalations = true
  readonly #transport: SiraTransport
  readonly #hmac: Hmac

  constructor(settings: SiraSettings, hmac: Hmac, deps: SiraDeps) {
    this.#transport = new SiraTransport(settings, deps)
    this.#hmac = hmac
  }

  async scoreBundle(bundle: BundleFacts, requestId: string): Promise<RemoteRisk> {
    const body = await bundleBody(this.#hmac, bundle)
    return this.#transport.call('bundle', requestId, body, readBundleScore(bundle))
  }

  async scoreTransaction(transaction: TransactionFacts, requestId: string): Promise<RemoteRisk> {
    const body = await transactionBody(this.#hmac, transaction)
    return this.#transport.call('transaction', requestId, body, readTransactionScore(transaction))
  }

  /**
   * Many at once, in as many calls as it takes. A call that fails fails for its own items only.
   *
   * @returns a result for each item, in their order
   */
  async scoreBulk(items: readonly BulkItem[], requestId: string): Promise<readonly RemoteRisk[]> {
    const chunks = inChunks(items)
    const results: RemoteRisk[] = []
    for (let first = 0; first < chunks.length; first += BULK_CALLS_AT_ONCE) {
      const wave = chunks.slice(first, first + BULK_CALLS_AT_ONCE)
      const answers = await Promise.all(
        wave.map((chunk, index) => this.#scoreChunk(chunk, `${requestId}-${first + index + 1}`)),
      )
      results.push(...answers.flat())
    }
    return results
  }

  deviceReputation(deviceId: string, requestId: string): Promise<Result<RemoteReputation, RemoteFailure>> {
    return this.#transport.call('reputation', requestId, { device_id: deviceId }, readReputation(deviceId))
  }

  /** @returns SIRA's reference of the case; on an error it is still owed, and is sent again with the same id */
  escalate(escalation: Escalation, requestId: string): Promise<Result<string, RemoteFailure>> {
    return this.#transport.call('escalation', requestId, escalationBody(escalation), readEscalated(escalation.id))
  }

  /** For readiness and metrics. */
  breaker(operation: Operation): Breaker {
    return this.#transport.breaker(operation)
  }

  async #scoreChunk(items: readonly BulkItem[], requestId: string): Promise<readonly RemoteRisk[]> {
    const body = await bulkBody(this.#hmac, items)
    const scores = await this.#transport.call('bulk', requestId, body, readBulkScores(items))
    return items.map((_, index): RemoteRisk => {
      if (!scores.ok) return scores
      const score = scores.value[index]
      if (score === undefined) throw new Error('fewer scores than items')
      return { ok: true, value: score }
    })
  }
}

/** Cuts before a chunk holds too many payments, and where a name comes twice: an answer could not tell them apart. */
function inChunks(items: readonly BulkItem[]): readonly (readonly BulkItem[])[] {
  const chunks: BulkItem[][] = []
  let names = new Set<string>()
  let payments = 0
  for (const item of items) {
    const [name, size] = nameAndSize(item)
    const chunk = chunks.at(-1)
    if (chunk === undefined || names.has(name) || payments + size > BULK_PAYMENTS_MAX) {
      chunks.push([item])
      names = new Set([name])
      payments = size
    } else {
      chunk.push(item)
      names.add(name)
      payments += size
    }
  }
  return chunks
}

function nameAndSize(item: BulkItem): [name: string, payments: number] {
  if (item.kind === 'bundle') return [`bundle ${item.bundle.bundleId}`, Math.max(1, item.bundle.payments.length)]
  return [`payment ${localId(item.transaction.deviceId, item.transaction.payment.counter)}`, 1]
}
