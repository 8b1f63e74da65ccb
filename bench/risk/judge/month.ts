import type { Reason } from '../../../src/protocol/states.ts'
import { HOUR_MS } from '../../../src/protocol/time.ts'
import type { RiskReason } from '../../../src/risk/score.ts'
import type { Actor, Funds, Intent, Push } from '../actor.ts'
import { Book, type BookRow, type Settled } from './book.ts'
import { EdgeDevice, type Sent } from './edge.ts'

/** What became of one payment, and what the rules said. */
export interface Judged {
  readonly actor: Actor
  readonly intent: Intent
  readonly arrivesAtMs: number
  /** `chain` for what came in a bundle that was refused as a whole. */
  readonly fate: 'moved' | 'waits' | 'refused' | 'failed' | 'chain'
  readonly reason: string | undefined
  /** Rules that spoke about its bundle, at the edge or at the reconciler. */
  readonly rules: readonly string[]
}

/** People decide on what waits within a working day, and they are right: this measures the rules and not the people. */
const DECIDED_AFTER_MS = 6 * HOUR_MS

/** Bundles that the reconciler takes at a time. */
const BATCH_MAX = 50

/** Lives a month: every bundle in the order of its arrival, through the edge's decision and the reconciler's. */
export async function liveMonth(actors: readonly Actor[], funds: readonly Funds[]): Promise<Judged[]> {
  const book = new Book(actors, funds)
  const edge = new Map(actors.map((actor) => [actor.id, new EdgeDevice(actor)]))
  const waiting = new Map<string, Waiting[]>()
  const judged: Judged[] = []
  for (const batch of batches(actors)) {
    const pushed = batch.map(({ actor, push }) => {
      decide(actor, push.arrivesAtMs)
      return { actor, push, sent: deviceOf(actor).push(push) }
    })
    const admitted = pushed.filter(({ sent }) => sent.admission.kind === 'admit')
    const settled = await book.settle(
      admitted.map(({ actor: { ownerWallet }, push, sent }) => ({ sent, intents: push.payments, ownerWallet })),
    )
    for (const one of pushed) note(one, settled[admitted.indexOf(one)])
  }
  return judged

  function note(
    { actor, push: { payments, arrivesAtMs }, sent: { admission } }: Pushed,
    settled: Settled | undefined,
  ): void {
    if (admission.kind !== 'admit' || settled === undefined) {
      const reason = 'code' in admission ? admission.code : admission.kind
      for (const intent of payments) judged.push({ actor, intent, arrivesAtMs, fate: 'chain', reason, rules: [] })
      return
    }
    const { rows, risk, twins } = settled
    const said = [...admission.bundle.riskReasons.reasons, ...(risk?.record.reasons ?? [])]
    const rules = [...new Set(said.filter(spoke).map(({ rule }) => rule))]
    rows.forEach((row, index) => {
      const intent = payments[index] as Intent
      const { status, reason } = row
      const also = twins.has(row.payment.counter) ? ['twin'] : []
      judged.push({ actor, intent, arrivesAtMs, fate: FATES[status] ?? 'failed', reason, rules: [...rules, ...also] })
      if (status !== 'review' && status !== 'quarantined') return
      const due = { row, intent, dueMs: arrivesAtMs + DECIDED_AFTER_MS }
      waiting.set(actor.id, [...(waiting.get(actor.id) ?? []), due])
    })
    deviceOf(actor).tell(
      rows.filter(({ status }) => status === 'succeeded' || status === 'failed').map(outcomeOf),
      arrivesAtMs,
    )
  }

  function decide(actor: Actor, nowMs: number): void {
    const all = waiting.get(actor.id) ?? []
    const due = all.filter(({ dueMs }) => dueMs <= nowMs)
    if (due.length === 0) return
    for (const { row, intent, dueMs } of due) book.resolve(row, intent.loot ? 'failed' : 'succeeded', dueMs)
    deviceOf(actor).tell(
      due.map(({ row }) => outcomeOf(row)),
      nowMs,
    )
    waiting.set(
      actor.id,
      all.filter(({ dueMs }) => dueMs > nowMs),
    )
  }

  function deviceOf({ id }: Actor): EdgeDevice {
    const device = edge.get(id)
    if (device === undefined) throw new Error('an unknown device')
    return device
  }
}

interface Waiting {
  readonly row: BookRow
  readonly intent: Intent
  readonly dueMs: number
}

interface Arrival {
  readonly actor: Actor
  readonly push: Push
}
type Pushed = Arrival & { readonly sent: Sent }

/** In the order of arrival; of one device one bundle at a time. */
function* batches(actors: readonly Actor[]): Iterable<readonly Arrival[]> {
  const arrivals = actors
    .flatMap((actor) => actor.pushes.map((push): Arrival => ({ actor, push })))
    .sort((a, b) => a.push.arrivesAtMs - b.push.arrivesAtMs)
  let batch: Arrival[] = []
  for (const arrival of arrivals) {
    if (batch.length === BATCH_MAX || batch.some(({ actor }) => actor === arrival.actor)) {
      yield batch
      batch = []
    }
    batch.push(arrival)
  }
  if (batch.length > 0) yield batch
}

const outcomeOf = ({ status, reason }: BookRow) => ({
  status,
  ...(reason !== undefined && { reason: reason as Reason }),
})

const spoke = ({ adds = 0 }: RiskReason): boolean => adds > 0

const FATES: Partial<Record<BookRow['status'], Judged['fate']>> = {
  succeeded: 'moved',
  failed: 'failed',
  refused: 'refused',
  review: 'waits',
  quarantined: 'waits',
}
