import { bundleStatus } from '../../src/protocol/states.ts'
import { fieldsThatDiffer } from './agree.ts'
import { applyOrders, expire, keepOrder } from './allowances.ts'
import { BookBroken } from './broken.ts'
import { applyClaims, keepAnswer } from './claims.ts'
import { followCodes } from './follow-codes.ts'
import type { FollowDeps } from './follow-deps.ts'
import { type InsertedBundle, judgementFaults, type SignedBundle } from './follow-judgement.ts'
import {
  type AppliedRow,
  answerOf,
  bundlesOf,
  type Committed,
  deviceOf,
  type EffectRow,
  type EndedRow,
  type ExpiredRow,
  is,
  lateProofsOf,
  linesOf,
  lostProofsOf,
  mandateOf,
  orderOf,
  type RecordedRow,
  resolutionsOf,
  signedOf,
  voidsOf,
} from './follow-statements.ts'
import { keepMandate } from './mandates.ts'
import { type Line, recordPayments } from './record.ts'
import { recordDevice } from './registry.ts'
import { applyReversals, applyReviews, dueResolutions } from './resolve.ts'
import { writeLateProofs, writeLostProofs } from './settle.ts'
import { bundleKey, type ModelState } from './state.ts'

/**
 * Does to the model what the real book did, transaction by transaction in the order of their commits, and compares the
 * answers: what is decided about funds, copies, holds and resolutions depends on that order, and is so compared exactly.
 */
export class Follower {
  readonly #deps: FollowDeps
  /** When the facts of a device changed last: who looked before that may have decided otherwise. */
  readonly #changedAtMs = new Map<string, number>()

  /** By their keys: what was recorded, settled or not. */
  readonly #signed = new Map<string, SignedBundle>()

  constructor(deps: FollowDeps) {
    this.#deps = deps
  }

  /**
   * @param transaction its statements in their order; called once for each, one after the other
   * @returns sentences about what the book answered and the model would not have
   */
  async committed(transaction: readonly Committed[]): Promise<readonly string[]> {
    const sentences: string[] = []
    try {
      for (const signed of transaction.filter(is('INSERT INTO offline_signed_bundles')).flatMap(signedOf)) {
        const key = bundleKey(signed.deviceId, signed.bundleId)
        // What was recorded first stays.
        if (!this.#signed.has(key)) this.#signed.set(key, signed)
      }
      const bundles = transaction
        .filter(is('INSERT INTO offline_tx_bundles'))
        .flatMap((one) => bundlesOf(one, (device, bundle) => this.#signed.get(bundleKey(device, bundle))))
      // In several steps where there are refunds; they were judged before the first of them.
      const all = transaction.filter(is(RECORD)).flatMap(linesOf)
      const lines = all.toSorted((a, b) => a.payment.counter - b.payment.counter)
      if (lines.length > 0) {
        const judged = { bundles, lines, changedAtMs: this.#changedAtMs }
        sentences.push(...(await judgementFaults(this.#deps, judged)))
      }
      for (const one of transaction) {
        if (is(RECORD)(one)) {
          sentences.push(...this.#record(one, linesOf(one)))
        } else sentences.push(...this.#follow(one, transaction, bundles))
      }
    } catch (error) {
      if (!(error instanceof BookBroken)) throw error
      sentences.push(`The model cannot follow the book: it is not so that ${error.message}.`)
    }
    return sentences
  }

  #follow(one: Committed, transaction: readonly Committed[], bundles: readonly InsertedBundle[]): readonly string[] {
    const { state, nowMs } = this.#deps
    if (is('INSERT INTO offline_devices ')(one)) {
      const message = deviceOf(
        one,
        transaction.filter(is('INSERT INTO offline_device_keys')),
        transaction.filter(is('INSERT INTO offline_wallet_consents')),
      )
      const { deviceId, rev } = message
      this.#changedAtMs.set(deviceId, nowMs())
      const codes = followCodes(state, message, transaction)
      const isNewer = rev > (state.devices.get(deviceId)?.rev ?? -1)
      const fault = recordDevice(state, message, nowMs())
      if (fault !== undefined) return [`The book took facts of ${deviceId} that are a ${fault} in the model.`]
      // It answers with the row that it wrote.
      if (isNewer === one.rows.length > 0) return codes
      return [
        ...codes,
        `The book ${isNewer ? 'left out newer' : 'took older'} facts of ${deviceId}, which are of rev ${rev}.`,
      ]
    }
    if (is('INSERT INTO offline_tx_bundles')(one)) {
      for (const bundle of bundles) keepBundle(state, bundle, voidsOf(transaction, bundle))
      return []
    }
    if (is('INSERT INTO offline_policies')(one)) {
      const [country, version] = one.values as [string, number]
      const policy = this.#deps.policyOf(country, version)
      if (policy !== undefined) state.policies.set(`${country}/${version}`, policy)
    }
    if (is('INSERT INTO offline_resolutions')(one)) state.resolutions.push(...resolutionsOf(one))
    if (is('offline_prove(')(one)) writeLateProofs(state, lateProofsOf(one), (one.values[5] as Date).getTime())
    if (is('offline_disprove(')(one)) writeLostProofs(state, lostProofsOf(one))
    if (is('UPDATE offline_resolutions SET last_error')(one)) postpone(state, one)
    if (is('INSERT INTO offline_claim_answers')(one)) {
      const { message, answer, kid, atMs, result } = answerOf(one)
      keepAnswer(state, message, { answer, kid }, atMs)
      const kept = state.answers.find((row) => row.payerDeviceId === message.deviceId && row.rev === message.rev)
      if (kept?.result !== result) {
        return [
          `The book took answer ${message.rev} of ${message.deviceId} for ${result ?? 'open'}, and it is ${kept?.result ?? 'open'}.`,
        ]
      }
    }
    if (is('INSERT INTO offline_mandates ')(one)) {
      const { message, atMs, isHis } = mandateOf(one)
      keepMandate(state, message, atMs)
      const kept = state.mandates.find((row) => row.payerDeviceId === message.deviceId && row.rev === message.rev)
      if (kept?.isHis !== isHis) {
        return [
          `The book took mandate ${message.rev} of ${message.deviceId} ${isHis ? 'for' : 'not for'} its holder’s word.`,
        ]
      }
    }
    if (is('INSERT INTO offline_allowance_orders ')(one)) {
      const { message, atMs, isHis } = orderOf(one)
      keepOrder(state, message, atMs)
      const kept = state.allowanceOrders.find(
        (row) => row.payerDeviceId === message.deviceId && row.rev === message.rev,
      )
      if (kept?.isHis !== isHis) {
        return [
          `The book took order ${message.rev} of ${message.deviceId} ${isHis ? 'for' : 'not for'} its holder’s word.`,
        ]
      }
    }
    if (is('offline_apply_allowance_orders(')(one)) return this.#applyOrders(one)
    if (is('offline_expire_allowances(')(one)) return this.#expire(one)
    if (is('offline_apply_claims(')(one)) return this.#endClaims(one)
    if (is('offline_apply_reviews(')(one)) return this.#apply(one, 'review')
    if (is('offline_apply_reversals(')(one)) return this.#apply(one, 'reversal')
    return []
  }

  #record({ rows }: Committed, lines: readonly Line[]): readonly string[] {
    const { state, nowMs } = this.#deps
    const answers = new Map((rows as readonly RecordedRow[]).map((row) => [row.no, row]))
    return recordPayments(state, lines, nowMs()).flatMap(({ status, reason, hold }, i) => {
      const { deviceId, payment } = lines[i] as Line
      const what = `payment ${deviceId}/${payment.counter} as it was recorded`
      const answer = answers.get(i + 1)
      if (answer === undefined) return [`The book did not answer for ${what}.`]
      const said = { status, reason: reason ?? null, hold: hold ?? null }
      return fieldsThatDiffer(what, said, { status: answer.status, reason: answer.reason, hold: answer.hold })
    })
  }

  #applyOrders({ values, rows }: Committed): readonly string[] {
    const [[deviceId = ''], , , , at] = values as [readonly string[], unknown, unknown, unknown, Date]
    const answers = new Map((rows as readonly AppliedRow[]).map((row) => [row.rev, row.result]))
    const applied = applyOrders(this.#deps.state, deviceId, at.getTime())
    const revs = new Set([...answers.keys(), ...applied.map(({ rev }) => rev)])
    return [...revs].flatMap((rev) => {
      const said = { result: applied.find((row) => row.rev === rev)?.result ?? null }
      const what = `order ${deviceId}/${rev} as it was carried out`
      return fieldsThatDiffer(what, said, { result: answers.get(rev) ?? null })
    })
  }

  #expire({ values, rows }: Committed): readonly string[] {
    const [at] = values as [Date]
    const name = (deviceId: string, no: number, returned: number) => `${deviceId}/${no} with ${returned} left`
    const ended = expire(this.#deps.state, at.getTime())
      .map((one) => name(one.deviceId, one.no, one.returned))
      .sort()
    const found = (rows as readonly ExpiredRow[])
      .map((row) => name(row.payer_device_id, row.no, row.returned_minor))
      .sort()
    return fieldsThatDiffer('allowances as they expired', { all: ended.join() }, { all: found.join() })
  }

  #endClaims({ values, rows }: Committed): readonly string[] {
    const [devices, at] = values as [readonly string[], Date]
    const answers = new Map((rows as readonly EndedRow[]).map((row) => [`${row.device_id}/${row.counter}`, row]))
    const ended = applyClaims(this.#deps.state, devices, at.getTime())
    const names = new Set(ended.map(({ payment }) => `${payment.deviceId}/${payment.payment.counter}`))
    return [
      ...[...answers.keys()]
        .filter((name) => !names.has(name))
        .map((name) => `The book ended claim ${name}, which is open.`),
      ...ended.flatMap(({ payment: { deviceId, payment, status, reason = null }, answer }) => {
        const name = `${deviceId}/${payment.counter}`
        const found = answers.get(name)
        if (found === undefined) return [`The book left claim ${name} open, which has ended.`]
        const said = { status, reason, by: answer ? `${answer.payerDeviceId}/${answer.rev}` : null }
        const by = found.payer_device_id === null ? null : `${found.payer_device_id}/${found.answer_rev}`
        return fieldsThatDiffer(`claim ${name} as it ended`, said, { status: found.status, reason: found.reason, by })
      }),
    ]
  }

  #apply({ values, rows }: Committed, kind: Resolved): readonly string[] {
    const { state } = this.#deps
    const [devices, at] = values as [readonly string[], Date]
    const atMs = at.getTime()
    const answers = new Map(
      (rows as readonly EffectRow[]).map((row) => [nameOf(row.device_id, row.rev, row.counter), row]),
    )
    const due = dueResolutions(state, kind, atMs).filter(({ deviceId }) => devices.includes(deviceId))
    const names = new Set(due.map((row) => nameOf(row.deviceId, row.rev, row.counter)))
    const early = [...answers.keys()].filter((name) => !names.has(name))
    const [taken, left] = split(due, (row) => answers.has(nameOf(row.deviceId, row.rev, row.counter)))
    const effects = kind === 'review' ? applyReviews(state, taken, atMs) : applyReversals(state, taken, atMs)
    return [
      ...early.map((name) => `The book carried out resolution ${name}, which is not due.`),
      ...left.map((row) => `The book left out resolution ${nameOf(row.deviceId, row.rev, row.counter)}, which is due.`),
      ...effects.flatMap(({ row, result, status = null, reason = null }) => {
        const name = nameOf(row.deviceId, row.rev, row.counter)
        const answer = answers.get(name)
        const found = { result: answer?.result ?? null, status: answer?.status ?? null, reason: answer?.reason ?? null }
        return fieldsThatDiffer(`resolution ${name} as it was carried out`, { result, status, reason }, found)
      }),
    ]
  }
}

type Resolved = 'review' | 'reversal'
const nameOf = (deviceId: string, rev: number, counter: number) => `${deviceId}/${rev}/${counter}`

function split<T>(items: readonly T[], isFirst: (item: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))]
}

const RECORD = 'offline_record_transactions('

function keepBundle(state: ModelState, inserted: InsertedBundle, voids: readonly number[]): void {
  const { risk: _, ...bundle } = inserted
  const isOwn = (row: { deviceId: string; bundleId: string }) =>
    row.deviceId === bundle.deviceId && row.bundleId === bundle.bundleId
  const own = [...state.payments.values()].filter(isOwn).map(({ status }) => status)
  const copies = state.copies.filter(isOwn).map(() => 'refused' as const)
  const status = bundleStatus([...own, ...copies])
  state.bundles.set(bundleKey(bundle.deviceId, bundle.bundleId), { ...bundle, voids, status, rev: 1 })
}

/** The values of `postpone` in resolutions.ts: resolutions of a device that could not be carried out. */
function postpone(state: ModelState, { text, values }: Committed): void {
  const [device, fault, retryAt, at] = values as [string, string, Date, Date]
  const kind = text.includes("choice = 'reverse'") ? 'reversal' : 'review'
  for (const row of dueResolutions(state, kind, at.getTime())) {
    if (row.deviceId !== device) continue
    row.lastError = fault
    row.attempts += 1
    row.retryAtMs = retryAt.getTime()
  }
}
