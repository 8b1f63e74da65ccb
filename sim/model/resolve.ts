import { PAUSE_MAX_MS } from '../../reconciler/backoff.ts'
import { itemsOf } from '../../reconciler/settle/signed-resolution.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import { ulidText } from '../../src/protocol/ids.ts'
import type { ResolutionMessage } from '../../src/protocol/messages.ts'
import { decodeReceipt } from '../../src/protocol/receipt.ts'
import { bundleStatus } from '../../src/protocol/states.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/protocol/time.ts'
import type { RequestedTransfer } from './book.ts'
import { assertBook } from './broken.ts'
import { announce, claimSubjects, outcomesOf } from './outbox.ts'
import { post } from './post.ts'
import { transferOf, waits } from './record.ts'
import { awaitsItsPayment, leftMinor, refundFault } from './refunds.ts'
import { bundleKey, counterKey, type ModelState, type PaymentRow, type ResolutionRow } from './state.ts'

/**
 * Resolutions of people: kept when they come, carried out when they can be. What is open is found anew each time, so the
 * order of messages does not matter.
 *
 * @param hash of the message, hex
 * @returns why it contradicts what is known; an `unknown_device` may still come
 */
export function recordResolution(
  state: ModelState,
  message: ResolutionMessage,
  hash: string,
  atMs: number,
): 'unknown_device' | 'resolution_conflict' | undefined {
  const { deviceId, rev, decidedAtMs, actors } = message
  if (!state.devices.has(deviceId)) return 'unknown_device'
  const known = state.resolutions.find((row) => row.deviceId === deviceId && row.rev === rev)
  if (known !== undefined) return known.hash === hash ? undefined : 'resolution_conflict'
  const open = { result: null, attempts: 0, retryAtMs: null, lastError: null, aloneOn: null }
  const bundleId = ulidText(message.bundleId)
  for (const [counter, choice] of itemsOf(message)) {
    state.resolutions.push({
      deviceId,
      rev,
      counter,
      bundleId,
      choice,
      hash,
      decidedAtMs,
      actors,
      recordedAtMs: atMs,
      ...open,
    })
  }
  return undefined
}

type Choice = 'review' | 'reversal'

/** Open resolutions that can be looked at now, in the order in which people made them. */
export function dueResolutions(state: ModelState, kind: Choice, atMs: number): readonly ResolutionRow[] {
  return state.resolutions
    .filter((row) => row.result === null && (row.choice === 'reverse') === (kind === 'reversal'))
    .filter((row) => dueAtMs(state, row, atMs) === atMs)
    .sort(
      (a, b) =>
        a.decidedAtMs - b.decidedAtMs || compare(a.deviceId, b.deviceId) || a.counter - b.counter || a.rev - b.rev,
    )
}

const compare = (a: string, b: string) => (a < b ? -1 : Number(a > b))

/** @returns when an open resolution is looked at next: now, later, or undefined while it waits for a message */
export function dueAtMs(state: ModelState, row: ResolutionRow, atMs: number): number | undefined {
  if (!state.bundles.has(bundleKey(row.deviceId, row.bundleId))) return undefined
  const payment = paymentOf(state, row)
  if (row.choice === 'reverse' && payment !== undefined && waits(payment.status)) return undefined
  if (row.choice === 'approve' && payment !== undefined && awaitsItsPayment(state, payment)) return undefined
  // An answer that is open was recorded before it.
  if (isRevokedClaim(row, payment) && hasOpenAnswer(state, row)) return undefined
  const pauseMaxMs = row.choice === 'reverse' ? DAY_MS : PAUSE_MAX_MS
  if (row.retryAtMs === null || row.retryAtMs <= atMs || row.retryAtMs > atMs + pauseMaxMs) return atMs
  return row.retryAtMs
}

const isRevokedClaim = ({ choice }: ResolutionRow, payment: PaymentRow | undefined) =>
  choice === 'revoke' && payment?.status === 'claimed'

const hasOpenAnswer = ({ answers }: ModelState, { deviceId, counter }: ResolutionRow) =>
  answers.some((row) => row.deviceId === deviceId && row.counter === counter && row.result === null)

/** The payment that it names, if the payment is of the bundle that it names. */
function paymentOf({ payments }: ModelState, { deviceId, counter, bundleId }: ResolutionRow): PaymentRow | undefined {
  const payment = payments.get(counterKey(deviceId, counter))
  return payment?.bundleId === bundleId ? payment : undefined
}

/** What came of a resolution for one payment. */
export interface Effect {
  readonly row: ResolutionRow
  readonly result: NonNullable<ResolutionRow['result']> | 'short_of_money' | 'withheld'
  readonly status?: PaymentRow['status']
  readonly reason?: string
}

/** What becomes of a payment that is not approved. */
const FAILED_AS: { readonly [choice in ResolutionRow['choice']]?: string } = {
  reject: 'reviewer_rejected',
  expire: 'review_expired',
  revoke: 'device_revoked',
}

/** An approved payment goes on as it would have at first. Of several resolutions the last one counts. */
export function applyReviews(state: ModelState, due: readonly ResolutionRow[], atMs: number): readonly Effect[] {
  const judged = due
    .filter((row) => isFirstRefund(state, row, due))
    .map((row) => {
      const payment = paymentOf(state, row)
      const isLast = due.every((other) => !isSamePayment(other, row) || other.rev <= row.rev)
      if (payment === undefined) return { row, result: 'unknown_payment' as const }
      if (!waits(payment.status) && !isRevokedClaim(row, payment)) return { row, result: 'not_waiting' as const }
      if (!isLast) return { row, result: 'superseded' as const }
      const fails = row.choice === 'approve' && missingWord(payment) !== undefined
      return fails || isLetThrough(state, row, payment)
        ? { row, result: 'applied' as const, payment }
        : withheld(row, atMs)
    })
  const applied = judged.flatMap((one) => (one.payment === undefined ? [] : [one]))
  const faults = new Map(applied.map(({ payment }) => [payment, refundFault(state, payment)?.reason]))
  const goesOn = ({ row, payment }: (typeof applied)[number]) =>
    row.choice === 'approve' && payment.payerProven && payment.agentProven && faults.get(payment) === undefined
  const asked = applied.map((one) => request(one.payment, goesOn(one) ? 'post' : 'release'))
  const posted = post(state.book, 'payment', asked)
  const goes = applied.map(goesOn)
  applied.forEach((one, i) => {
    const { row, payment } = one
    const { result, reason, transferId } = posted[i] ?? {}
    assertBook(result === (goes[i] ? (reason === undefined ? 'posted' : 'failed') : 'released'), 'what waits is open')
    // Nobody who reviews can say the payer's yes.
    const missing = missingWord(payment)
    const isClaim = row.choice === 'approve' && !payment.payerProven && missing === undefined
    const why = missing ?? faults.get(payment) ?? reason
    payment.status = result === 'posted' ? 'succeeded' : isClaim ? 'claimed' : 'failed'
    payment.reason = FAILED_AS[row.choice] ?? why
    payment.transferId = transferId
    payment.statusAtMs = atMs
  })
  const effects = judged.map(({ row, result, payment }): Effect => {
    if (result === 'withheld') return { row, result }
    row.result = result
    return { row, result, ...(payment && effectOf(payment)) }
  })
  follow(state, effects, atMs)
  return effects
}

/** Of the refunds of one payment the first is posted before the next one is judged. */
function isFirstRefund(state: ModelState, row: ResolutionRow, due: readonly ResolutionRow[]): boolean {
  const named = (one: ResolutionRow) => {
    const { refunds } = paymentOf(state, one) ?? {}
    return refunds && counterKey(refunds.deviceId, refunds.counter)
  }
  const name = named(row)
  return name === undefined || due.find((other) => named(other) === name) === row
}

/** Why an approved payment fails whoever approved it; a claim's payer is asked. */
function missingWord({ payerProven, agentProven, claimUntilMs }: PaymentRow): string | undefined {
  if (!payerProven && claimUntilMs === undefined) return 'payer_not_proven'
  return agentProven ? undefined : 'approval_invalid'
}

/** A transfer the other way, once, with the fee. A wallet that cannot give the money back is asked again later. */
export function applyReversals(state: ModelState, due: readonly ResolutionRow[], atMs: number): readonly Effect[] {
  // A payment before its refunds, which are judged by what became of it.
  const named = new Set(due.map(({ deviceId, counter }) => counterKey(deviceId, counter)))
  const isLater = (row: ResolutionRow) => {
    const { refunds } = paymentOf(state, row) ?? {}
    return refunds !== undefined && named.has(counterKey(refunds.deviceId, refunds.counter))
  }
  const judged = due
    .filter((row) => !isLater(row))
    .map((row) => {
      const payment = paymentOf(state, row)
      const isFirst = due.every((other) => !isSamePayment(other, row) || other.rev >= row.rev)
      if (payment === undefined) return { row, result: 'unknown_payment' as const }
      if (payment.status !== 'succeeded') return { row, result: 'not_reversible' as const }
      if (believedAtMs(row) - admittedAtMs(state, payment) > REVERSAL_DAYS * DAY_MS)
        return { row, result: 'too_late' as const }
      if (!isFirst) return { row, result: 'superseded' as const }
      if (!isLetThrough(state, row, payment)) return withheld(row, atMs)
      if (leftMinor(state, payment) === 0) return { row, result: 'not_reversible' as const }
      return { row, result: 'applied' as const, payment }
    })
  const effects = judged.map(({ row, result, payment }): Effect => {
    if (result === 'withheld') return { row, result }
    const [posted] = payment === undefined ? [] : post(state.book, 'reversal', [reversalOf(state, payment)])
    const isShort = posted?.result === 'failed'
    assertBook(posted === undefined || isShort || posted.result === 'posted', 'what stands has no reversal')
    row.lastError = posted?.reason ?? null
    row.retryAtMs = atMs + Math.min(MINUTE_MS * 2 ** Math.min(row.attempts, 20), DAY_MS)
    row.attempts += 1
    if (isShort) return { row, result: 'short_of_money', ...(posted.reason !== undefined && { reason: posted.reason }) }
    row.result = result
    if (payment === undefined) return { row, result }
    payment.status = 'reversed'
    payment.statusAtMs = atMs
    return { row, result, status: 'reversed' }
  })
  follow(state, effects, atMs)
  return effects
}

const REVERSAL_DAYS = 90

/** A date that is more than a week before the message came, or after it, is not believed. */
function believedAtMs({ decidedAtMs, recordedAtMs }: ResolutionRow): number {
  const isNear = decidedAtMs >= recordedAtMs - 7 * DAY_MS && decidedAtMs <= recordedAtMs + HOUR_MS
  return isNear ? decidedAtMs : recordedAtMs
}

function admittedAtMs({ bundles }: ModelState, { deviceId, bundleId }: PaymentRow): number {
  const bundle = bundles.get(bundleKey(deviceId, bundleId))
  assertBook(bundle !== undefined, 'a payment has its bundle')
  return decodeReceipt(parseSign1(bundle.receipt).payload).receivedAtMs
}

/** What one person alone has decided counts for the person's day, as far as the newest policy of the country goes. */
function isLetThrough(state: ModelState, row: ResolutionRow, { country, payment }: PaymentRow): boolean {
  const [actor] = row.actors
  if (row.aloneOn !== null || row.actors.some((other) => other !== actor)) return true
  // What ended by time or with its device nobody decided.
  if (row.choice === 'expire' || row.choice === 'revoke') return true
  const day = Math.floor(believedAtMs(row) / DAY_MS)
  const counted = state.resolutions
    .filter((other) => other.aloneOn === day && other.actors[0] === actor)
    .map((other) => state.payments.get(counterKey(other.deviceId, other.counter))?.payment)
    .reduce((sum, other) => sum + (other?.currency === payment.currency ? other.amount : 0), 0)
  const policies = [...state.policies.values()].filter((policy) => policy.country === country)
  const newest = policies.reduce((a, b) => (b.version > a.version ? b : a))
  if (counted + payment.amount > newest.personDailyValue) return false
  row.aloneOn = day
  return true
}

/** It stays open, and is looked at again: a newer policy may allow it. */
function withheld(row: ResolutionRow, atMs: number) {
  row.lastError = 'person_daily_value'
  row.retryAtMs = atMs + Math.min(MINUTE_MS * 2 ** Math.min(row.attempts, 20), 10 * MINUTE_MS)
  row.attempts += 1
  return { row, result: 'withheld' as const, payment: undefined }
}

const isSamePayment = (a: ResolutionRow, b: ResolutionRow) => a.deviceId === b.deviceId && a.counter === b.counter
const effectOf = ({ status, reason }: PaymentRow) => ({ status, ...(reason !== undefined && { reason }) })

const request = ({ deviceId, payment, fee }: PaymentRow, step: 'post' | 'release'): RequestedTransfer => ({
  ...transferOf(deviceId, payment),
  fee,
  step,
})

function reversalOf(state: ModelState, row: PaymentRow): RequestedTransfer {
  const { type: _, debit, credit, ...rest } = transferOf(row.deviceId, row.payment)
  return { ...rest, amountMinor: leftMinor(state, row), debit: credit, credit: debit, fee: row.fee }
}

/** Bundles have the status that follows from their payments, and a higher `rev` than what the edge was told. */
function follow(state: ModelState, effects: readonly Effect[], atMs: number): void {
  const changed = effects.filter(({ result }) => result === 'applied')
  for (const key of new Set(changed.map(({ row }) => bundleKey(row.deviceId, row.bundleId)))) {
    const bundle = state.bundles.get(key)
    assertBook(bundle !== undefined, 'a payment has its bundle')
    const { deviceId, bundleId, seq } = bundle
    bundle.status = bundleStatus(outcomesOf(state, deviceId, bundleId).map(({ status }) => status))
    bundle.rev += 1
    announce(state, [{ deviceId, bundleId, seq }], atMs)
  }
  const claimed = changed.flatMap(({ row, status }) => {
    const payment = paymentOf(state, row)
    const isEnded = row.choice === 'revoke'
    const isMandated = status === 'reversed' && payment?.reason === 'mandated'
    const isWorded = state.worded.has(counterKey(row.deviceId, row.counter))
    const isTold = status === 'claimed' || isEnded || isMandated || isWorded
    return isTold ? (payment?.payment.sender ?? []) : []
  })
  announce(state, claimSubjects(state, claimed), atMs)
}
