import type { PayerProof } from '../../reconciler/registry/authority.ts'
import { activityKey, noActivity } from '../../src/protocol/activity.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { PaymentStatus } from '../../src/protocol/states.ts'
import { keepSpending } from './allowances.ts'
import type { Posted, RequestedTransfer } from './book.ts'
import { assertBook } from './broken.ts'
import { feeOf } from './fees.ts'
import { takeMandates } from './mandates.ts'
import { post } from './post.ts'
import { refundFault } from './refunds.ts'
import { allowanceKey, counterKey, type ModelState, type PaymentRow } from './state.ts'

/** A payment as it was judged, on its way into the book. */
export interface Line {
  readonly deviceId: string
  readonly bundleId: string
  readonly payment: Omit<PaymentRow['payment'], 'counter'> & Pick<Payment, 'counter'>
  readonly refunds: PaymentRow['refunds']
  /** Hex. */
  readonly hash: string
  readonly country: string
  /** Calendar day of the payment's own time in the policy's zone. */
  readonly day: string
  readonly receivedAtMs: number
  readonly status: PaymentStatus
  readonly reason: string | undefined
  readonly payerProven: boolean
  readonly agentProven: boolean
  /** Until when its payer may confirm it; of a claim. */
  readonly claimUntilMs: number | undefined
  /** The payer's device, and the request that it has answered for this payment and no other. */
  readonly proof: PayerProof | undefined
  /** Device of the agent who approved it, and the taker's request that it uses up. */
  readonly approved: { readonly agentDeviceId: string; readonly requestId: Uint8Array } | undefined
}

/** What became of it. */
export interface Recorded {
  readonly status: PaymentStatus
  readonly reason: string | undefined
  readonly transferId: string | undefined
  /** Of a payment that waits for a person: `placed`, or why its money is not held. */
  readonly hold: string | undefined
}

/**
 * Records payments and posts those that are `pending`, in the order given; of those that wait for a person the money is
 * held. What is recorded already, or comes earlier, is a copy: kept, never posted. What `offline_record_transactions` does.
 */
export function recordPayments(state: ModelState, lines: readonly Line[], atMs: number): readonly Recorded[] {
  const judged: readonly Judged[] = lines.map((line, i) => ({ line, ...copyOf(state, lines, i) }))
  for (const one of judged) if (!isProofFree(state, one.line, one.status, atMs)) Object.assign(one, PROOF_USED)
  for (const one of judged) if (!isRequestFree(state, one.line, one.status)) Object.assign(one, REQUEST_USED)
  for (const one of judged) if (isWordless(state, one)) Object.assign(one, PROOF_USED)
  for (const one of judged) if (one.status === 'claimed' && !hasWallets(state, one.line)) Object.assign(one, NO_WALLET)
  const claims = judged.filter(({ status }) => status === 'claimed')
  const mandated = takeMandates(
    state,
    claims.map(({ line }) => line),
    atMs,
  )
  for (const one of claims) if (mandated.has(one.line)) Object.assign(one, { status: 'pending', isMandated: true })
  for (const one of judged) {
    const fault = one.status === 'pending' ? refundFault(state, one.line) : undefined
    if (fault) Object.assign(one, { status: fault.mayCome ? 'review' : 'failed', reason: fault.reason })
  }
  const hasWords = ({ line, isUsed }: Judged) => line.payerProven && line.agentProven && isUsed === undefined
  const isDue = (one: Judged) => one.status === 'pending' || (hasWords(one) && waits(one.status))
  const due = judged.filter(isDue)
  const posted = post(
    state.book,
    'payment',
    due.map(({ line, status }) => requestOf(state, line, status === 'pending' ? undefined : 'hold')),
  )
  const results = new Map(due.map((one, i) => [one, posted[i]]))
  return judged.map((one) => {
    const result = results.get(one)
    const isFresh = result === undefined || ['posted', 'failed', 'held'].includes(result.result)
    assertBook(isFresh, 'a payment that is not recorded has no transfer and no hold')
    const isPending = one.status === 'pending'
    const recorded: Recorded = {
      status: isPending ? (result?.result === 'posted' ? 'succeeded' : 'failed') : one.status,
      reason: isPending ? (result?.result === 'posted' && one.isMandated ? 'mandated' : result?.reason) : one.reason,
      transferId: result?.transferId,
      hold: waits(one.status) ? holdOf(one.line, result) : undefined,
    }
    keep(state, one, recorded, atMs, result?.isFeeWaived)
    keepSpent(state, one.line, result)
    return recorded
  })
}

/** The allowance that its payer signed it under: of the device that signed, and of the debited wallet. */
function allowanceOf({ allowances }: ModelState, { proof, payment }: Line) {
  const named = proof?.spending && allowances.get(allowanceKey(proof.payerDeviceId, proof.spending.allowanceNo))
  return named?.wallet === payment.sender && named.currency === payment.currency ? named : undefined
}

function keepSpent(state: ModelState, line: Line, result: Posted | undefined): void {
  const { deviceId, payment, proof } = line
  if (result === undefined || proof?.spending === undefined || allowanceOf(state, line) === undefined) return
  const { payerDeviceId, spending } = proof
  const { allowanceNo: no, n, spent } = spending
  const { counter, amount } = payment
  keepSpending(state, { deviceId, counter, payerDeviceId, no, n, spent, amount, covered: result.covered ?? 0 })
}

/** Of a phone that was stopped, under an allowance that there is not. */
function isWordless(state: ModelState, { line, status }: Judged): boolean {
  const isAlive = status === 'pending' || waits(status)
  return isAlive && line.proof?.spending?.heldOnly === true && allowanceOf(state, line) === undefined
}

interface Judged {
  readonly line: Line
  readonly isCopy: boolean
  /** The signature of its payer, or the request that its agent approved, belongs to another payment. */
  readonly isUsed?: 'payer' | 'agent'
  /** Its payer's mandate has room for it. */
  readonly isMandated?: boolean
  readonly status: PaymentStatus
  readonly reason: string | undefined
}

const PROOF_USED = { status: 'failed', reason: 'payer_not_proven', isUsed: 'payer' } as const
const REQUEST_USED = { status: 'failed', reason: 'approval_invalid', isUsed: 'agent' } as const
const NO_WALLET = { status: 'failed', reason: 'unknown_wallet' } as const

/** A claim on a wallet, or for one, that there is not ends at once. */
const hasWallets = ({ book }: ModelState, { payment: { sender, receiver } }: Line) =>
  [sender, receiver].every((wallet) => (book.accounts.get(wallet)?.kind ?? 'system') !== 'system')

export const waits = (status: PaymentStatus): boolean => status === 'review' || status === 'quarantined'
const holdOf = ({ payerProven }: Line, result: { readonly result: string; readonly reason?: string } | undefined) =>
  result?.result === 'held' ? 'placed' : (result?.reason ?? (payerProven ? 'approval_invalid' : 'payer_not_proven'))

/** The edge refuses a copy as `duplicate`; it may well arrive before the payment, and must not take its place. */
function copyOf(state: ModelState, lines: readonly Line[], at: number): Pick<Judged, 'isCopy' | 'status' | 'reason'> {
  const { deviceId, payment, status, reason } = lines[at] as Line
  const isCalledCopy = (line: Line) => line.status === 'refused' && line.reason === 'duplicate'
  const isEarlier = (line: Line) =>
    line.deviceId === deviceId && line.payment.counter === payment.counter && !isCalledCopy(line)
  const isCopy =
    isCalledCopy(lines[at] as Line) ||
    state.payments.has(counterKey(deviceId, payment.counter)) ||
    lines.slice(0, at).some(isEarlier)
  return isCopy ? { isCopy, status: 'refused', reason: 'duplicate' } : { isCopy, status, reason }
}

/** The first payment that shows a payer's signature has it, also when it goes on to fail. */
function isProofFree(
  state: ModelState,
  { proof, deviceId, payment }: Line,
  status: PaymentStatus,
  atMs: number,
): boolean {
  if (proof === undefined || !(status === 'pending' || waits(status))) return true
  return useProof(state, proof, counterKey(deviceId, payment.counter), atMs)
}

/** @returns whether the payment has the signature now */
export function useProof(
  { answered, worded }: ModelState,
  { payerDeviceId, requestId }: { readonly payerDeviceId: string; readonly requestId: Uint8Array },
  payment: string,
  atMs: number,
): boolean {
  const key = `${payerDeviceId}/${toHex(requestId)}`
  const owner = answered.get(key) ?? payment
  if (!answered.has(key)) worded.set(payment, { requestId, atMs })
  answered.set(key, owner)
  return owner === payment
}

/** The first payment that shows an approval of a request has used that up, likewise. */
function isRequestFree(
  { requests }: ModelState,
  { approved, deviceId, payment }: Line,
  status: PaymentStatus,
): boolean {
  if (approved === undefined || !(status === 'pending' || waits(status))) return true
  return useRequest(requests, deviceId, approved.requestId, counterKey(deviceId, payment.counter))
}

/** @returns whether the payment has the request now */
export function useRequest(requests: ModelState['requests'], deviceId: string, requestId: Uint8Array, payment: string) {
  const key = `${deviceId}/${toHex(requestId)}`
  const owner = requests.get(key) ?? payment
  requests.set(key, owner)
  return owner === payment
}

function requestOf(state: ModelState, line: Line, step: RequestedTransfer['step']): RequestedTransfer {
  const { deviceId, payment } = line
  return { ...transferOf(deviceId, payment), fee: feeFor(state, line), step, ...allowanceFor(state, line) }
}

const allowanceFor = (state: ModelState, line: Line) => {
  return { allowance: allowanceOf(state, line), isHeldOnly: line.proof?.spending?.heldOnly === true }
}

/** A payment as a transfer; its reversal is the same with the wallets changed over. */
export function transferOf(sourceId: string, payment: PaymentRow['payment']) {
  const { counter: sourceNo, type, sender, receiver, amount, currency } = payment
  return { sourceId, sourceNo, type, debit: sender, credit: receiver, amountMinor: amount, currency }
}

function feeFor({ fees }: ModelState, { payment, country, receivedAtMs }: Line) {
  const { type, currency, amount: amountMinor } = payment
  return feeOf(fees, { country, type, currency, amountMinor, receivedAtMs })
}

function keep(
  state: ModelState,
  { line, isCopy, isUsed, isMandated }: Judged,
  recorded: Recorded,
  atMs: number,
  isFeeWaived = false,
): void {
  const { deviceId, bundleId, payment, refunds, hash, country, day } = line
  if (isCopy) {
    state.copies.push({ deviceId, counter: payment.counter, bundleId, hash, recordedAtMs: atMs })
    return
  }
  const { status, reason, transferId } = recorded
  const key = counterKey(deviceId, payment.counter)
  assertBook(!state.payments.has(key), `${key} is recorded once`)
  const payerProven = isMandated === true || (line.payerProven && isUsed !== 'payer')
  const agentProven = line.agentProven && isUsed !== 'agent'
  assertBook(payerProven || status !== 'succeeded', `${key} moves money by its payer's word`)
  assertBook(agentProven || status !== 'succeeded', `${key} moves money with its agent's word`)
  const fee = isFeeWaived ? undefined : feeFor(state, line)
  state.payments.set(key, {
    ...{
      deviceId,
      bundleId,
      country,
      payment,
      refunds,
      hash,
      fee,
      payerProven,
      agentProven,
      status,
      reason,
      transferId,
    },
    ...{ claimUntilMs: line.claimUntilMs, statusAtMs: atMs },
  })
  if (status === 'refused') return
  const days = state.activity.get(deviceId) ?? new Map()
  state.activity.set(deviceId, days)
  const { count, value } = days.get(activityKey(day, payment.currency)) ?? noActivity
  days.set(activityKey(day, payment.currency), { count: count + 1, value: value + payment.amount })
}
