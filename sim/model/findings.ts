import type { AuthorisedBundle } from '../../reconciler/settle/authorise.ts'
import {
  HISTORY_MAX,
  type KnownDevice,
  PAID_OUT_DAYS,
  PAID_OUT_MAX,
  type SettledPayment,
} from '../../reconciler/settle/risk.ts'
import type { TwinLine } from '../../reconciler/settle/twins.ts'
import { DAY_MS, MINUTE_MS } from '../../src/protocol/time.ts'
import { counterKey, type ModelState, type PaymentRow } from './state.ts'

/** What the book says about bundles before they are judged: the answers of production's queries, from the model's state. */

const MOVED_NOTHING: ReadonlySet<string> = new Set(['refused', 'failed', 'reversed'])
/** The same wallets, amount and moment on two devices look like one payment. */
const TWIN_WINDOW_MS = MINUTE_MS

/** @returns which lines another device recorded too */
export function recordedTwins({ payments }: ModelState, lines: readonly TwinLine[]): readonly TwinLine[] {
  const rows = [...payments.values()].filter(({ status }) => !MOVED_NOTHING.has(status))
  return lines.filter(({ payment, deviceId }) =>
    rows.some((row) => row.deviceId !== deviceId && areTwins(row.payment, payment)),
  )
}

type Terms = Omit<PaymentRow['payment'], 'counter' | 'type'>

export const areTwins = (a: Terms, b: Terms): boolean =>
  a.sender === b.sender &&
  a.receiver === b.receiver &&
  a.amount === b.amount &&
  a.currency === b.currency &&
  Math.abs(a.initiatedAtMs - b.initiatedAtMs) <= TWIN_WINDOW_MS

/** @returns the numbers that earlier bundles of its chain give to no payment */
export function recordedVoids({ bundles }: ModelState, { verified }: AuthorisedBundle): readonly number[] {
  const { deviceId, seq } = verified.receipt
  return [...bundles.values()].flatMap((row) => (row.deviceId === deviceId && row.seq < seq ? row.voids : []))
}

const CONFLICT_AGE_MAX_MS = 30 * DAY_MS

/** What the risk rules are told of a device. */
export function knownDevice(state: ModelState, deviceId: string, nowMs: number): KnownDevice | undefined {
  const device = state.devices.get(deviceId)
  if (device === undefined) return undefined
  const payments = [...state.payments.values()]
    .filter((row) => row.deviceId === deviceId)
    .sort((a, b) => a.payment.counter - b.payment.counter)
    .slice(-HISTORY_MAX)
    .map(settled)
  const conflicts = conflictTimes(state, deviceId).filter((atMs) => atMs > nowMs - CONFLICT_AGE_MAX_MS).length
  return {
    registeredAtMs: device.registeredAtMs,
    payments,
    paidOut: paidOutBy(state, deviceId, device.ownerWallet, nowMs),
    conflicts,
  }
}

/** The last payments out of the owner's wallet that the device sent, but for cash-ins. */
function paidOutBy({ payments }: ModelState, deviceId: string, ownerWallet: string, nowMs: number): SettledPayment[] {
  return [...payments.values()]
    .filter(({ deviceId: sentBy, status, payment: { sender, type, initiatedAtMs } }) => {
      const isRecent = initiatedAtMs > nowMs - PAID_OUT_DAYS * DAY_MS
      return (
        sentBy === deviceId && sender === ownerWallet && type !== 'cashin' && !MOVED_NOTHING.has(status) && isRecent
      )
    })
    .sort(({ payment: a }, { payment: b }) => a.initiatedAtMs - b.initiatedAtMs || a.counter - b.counter)
    .slice(-PAID_OUT_MAX)
    .map(settled)
}

function settled({ payment, status, reason, statusAtMs }: PaymentRow): SettledPayment {
  const { counter, type, amount, currency, sender, receiver, initiatedAtMs } = payment
  return [counter, type, amount, currency, sender, receiver, initiatedAtMs, status, reason ?? null, statusAtMs]
}

/** When one identity came with a second content, or with the word that there was none. */
function conflictTimes({ payments, copies, bundles }: ModelState, deviceId: string): readonly number[] {
  const copied = copies.filter((copy) => copy.deviceId === deviceId)
  const other = copied.filter(({ counter, hash }) => {
    const payment = payments.get(counterKey(deviceId, counter))
    return payment !== undefined && payment.hash !== hash
  })
  const voided = [...bundles.values()].flatMap((bundle) => {
    if (bundle.deviceId !== deviceId) return []
    return bundle.voids.flatMap((counter) => {
      const isPayment = payments.has(counterKey(deviceId, counter))
      const contradictions = isPayment ? 1 : copied.filter((copy) => copy.counter === counter).length
      return Array<number>(contradictions).fill(bundle.settledAtMs)
    })
  })
  return [...other.map(({ recordedAtMs }) => recordedAtMs), ...voided]
}
