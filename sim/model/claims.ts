import { toHex } from '../../src/protocol/bytes.ts'
import { type ClaimAnswer, parseClaimAnswer } from '../../src/protocol/claims.ts'
import type { ClaimAnswerMessage } from '../../src/protocol/messages.ts'
import { bundleStatus } from '../../src/protocol/states.ts'
import { assertBook } from './broken.ts'
import { announce, claimSubjects, outcomesOf } from './outbox.ts'
import { post } from './post.ts'
import { transferOf, waits } from './record.ts'
import { standingOf } from './standing.ts'
import { type AnswerRow, bundleKey, counterKey, type ModelState, type PaymentRow } from './state.ts'

/**
 * Claims: payments without their payer's word. An answer is kept when it comes and counts once the claim is there; a claim ends
 * once, by the first answer of its wallet's holder that was recorded in time, by its time, or with its device. What `offline_apply_claims` does.
 */

/** @param message whose signature holds @returns why it is not kept now, or that another one is kept under its number */
export function recordAnswer(
  state: ModelState,
  message: ClaimAnswerMessage,
  atMs: number,
): 'unknown_device' | 'answer_conflict' | undefined {
  const { claims, answer } = parseClaimAnswer(message.answer)
  const kid = toHex(claims.kid)
  if (standingOf(state, { ...message, kid }, atMs) === 'awaited') return 'unknown_device'
  return keepAnswer(state, message, { answer, kid }, atMs) ? undefined : 'answer_conflict'
}

export function keepAnswer(
  state: ModelState,
  { deviceId: payerDeviceId, rev, answer: encoded }: Pick<ClaimAnswerMessage, 'rev' | 'answer'> & { deviceId: string },
  { answer, kid }: { readonly answer: Omit<ClaimAnswer, 'answeredAtMs'>; readonly kid: string },
  atMs: number,
): boolean {
  const known = state.answers.find((row) => row.payerDeviceId === payerDeviceId && row.rev === rev)
  if (known !== undefined) return known.signed === toHex(encoded)
  const device = state.devices.get(payerDeviceId)
  assertBook(device !== undefined, 'an answer is of a device that is known')
  const isHis = standingOf(state, { deviceId: payerDeviceId, kid }, atMs) === 'holder'
  const { takerId: deviceId, counter, amount, choice } = answer
  state.answers.push({
    ...{ payerDeviceId, rev, deviceId, counter, amount, choice, hash: toHex(answer.contentHash) },
    ...{ payerWallet: device.ownerWallet, signed: toHex(encoded), recordedAtMs: atMs },
    result: isHis ? (isRevoked(state, answer) ? 'not_claimed' : null) : 'not_authorised',
  })
  return true
}

/** The device of the claim was revoked, and the book has heard of it. */
const isRevoked = ({ resolutions }: ModelState, { takerId, counter }: Pick<ClaimAnswer, 'takerId' | 'counter'>) =>
  resolutions.some((row) => row.deviceId === takerId && row.counter === counter && row.choice === 'revoke')

/** What became of a claim. */
export interface EndedClaim {
  readonly payment: PaymentRow
  readonly answer: AnswerRow | undefined
}

const openAnswers = ({ answers }: ModelState) => answers.filter(({ result }) => result === null)
const paymentOf = ({ payments }: ModelState, { deviceId, counter }: AnswerRow) =>
  payments.get(counterKey(deviceId, counter))
const isOver = ({ status, claimUntilMs }: PaymentRow, atMs: number) =>
  status === 'claimed' && claimUntilMs !== undefined && claimUntilMs <= atMs

/** Devices about whose claims something can be done. */
export function devicesWithDueClaims(state: ModelState, atMs: number): readonly string[] {
  const answered = openAnswers(state).flatMap((row) => {
    const payment = paymentOf(state, row)
    return payment === undefined || waits(payment.status) ? [] : [row.deviceId]
  })
  const over = [...state.payments.values()].filter((row) => isOver(row, atMs)).map(({ deviceId }) => deviceId)
  return [...new Set([...answered, ...over])].sort()
}

/** @returns when something can be done about claims next; undefined when only a message can tell */
export function nextClaimMs(state: ModelState, atMs: number): number | undefined {
  if (devicesWithDueClaims(state, atMs).length > 0) return atMs
  const ends = [...state.payments.values()].flatMap(({ status, claimUntilMs }) =>
    status === 'claimed' && claimUntilMs !== undefined ? [claimUntilMs] : [],
  )
  return ends.length === 0 ? undefined : Math.min(...ends)
}

export function applyClaims(state: ModelState, deviceIds: readonly string[], atMs: number): readonly EndedClaim[] {
  const devices = new Set(deviceIds)
  const first = new Set<string>()
  for (const row of openAnswers(state)) {
    const payment = paymentOf(state, row)
    if (payment === undefined || !devices.has(row.deviceId)) continue
    row.result = worthOf(row, payment, first)
  }
  const ended: EndedClaim[] = []
  // Who confirmed first takes the funds; the silent ones come after them.
  for (const answer of openAnswers(state)) {
    const payment = paymentOf(state, answer)
    if (payment?.status === 'claimed' && devices.has(answer.deviceId)) ended.push({ payment, answer })
  }
  for (const payment of state.payments.values()) {
    if (!devices.has(payment.deviceId) || !isOver(payment, atMs)) continue
    if (!ended.some((one) => one.payment === payment)) ended.push({ payment, answer: undefined })
  }
  for (const one of ended) end(state, one, atMs)
  follow(state, ended, atMs)
  return ended
}

/** @param first claims and wallets that an earlier answer is about */
function worthOf(row: AnswerRow, payment: PaymentRow, first: Set<string>): string | null {
  const about = JSON.stringify([row.deviceId, row.counter, row.hash, row.amount, row.payerWallet])
  const isFirst = !first.has(about)
  first.add(about)
  if (payment.hash !== row.hash || payment.payment.amount !== row.amount) return 'other_payment'
  if (payment.payment.sender !== row.payerWallet) return 'not_the_holder'
  if (payment.claimUntilMs === undefined) return 'not_claimed'
  if (row.recordedAtMs >= payment.claimUntilMs) return 'too_late'
  if (payment.status !== 'claimed' && !waits(payment.status)) return 'not_claimed'
  return isFirst ? null : 'superseded'
}

function end(state: ModelState, { payment, answer }: EndedClaim, atMs: number): void {
  const { deviceId, fee } = payment
  const isConfirmed = answer?.choice === 'confirm'
  const [posted] = isConfirmed ? post(state.book, 'payment', [{ ...transferOf(deviceId, payment.payment), fee }]) : []
  assertBook(posted === undefined || ['posted', 'failed'].includes(posted.result), 'a claim that is open is not posted')
  const silent = answer === undefined ? 'payer_did_not_confirm' : 'payer_refused'
  payment.status = posted?.result === 'posted' ? 'succeeded' : 'failed'
  payment.reason = isConfirmed ? posted?.reason : silent
  payment.transferId = posted?.transferId
  payment.payerProven = isConfirmed
  payment.statusAtMs = atMs
  if (answer !== undefined) answer.result = 'applied'
  if (isConfirmed) state.worded.set(counterKey(deviceId, payment.payment.counter), { requestId: undefined, atMs })
}

function follow(state: ModelState, ended: readonly EndedClaim[], atMs: number): void {
  const bundles = [...new Set(ended.map(({ payment }) => bundleKey(payment.deviceId, payment.bundleId)))].map((key) => {
    const bundle = state.bundles.get(key)
    assertBook(bundle !== undefined, 'a claim has its bundle')
    const { deviceId, bundleId, seq } = bundle
    bundle.status = bundleStatus(outcomesOf(state, deviceId, bundleId).map(({ status }) => status))
    bundle.rev += 1
    return { deviceId, bundleId, seq }
  })
  const wallets = ended.map(({ payment }) => payment.payment.sender)
  announce(state, [...bundles, ...claimSubjects(state, wallets)], atMs)
}
