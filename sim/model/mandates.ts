import { calendarDay } from '../../src/protocol/activity.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { MANDATED_PER_DAY_MAX } from '../../src/protocol/limits.ts'
import { parseMandate } from '../../src/protocol/mandates.ts'
import type { MandateMessage } from '../../src/protocol/messages.ts'
import { newestPolicy } from './policies.ts'
import { standingOf } from './standing.ts'
import { counterKey, type MandatedRow, type MandateRow, type ModelState, type PaymentRow } from './state.ts'

/**
 * Mandates: the holder's standing word for small debits. The newest of a wallet counts, while its device is the holder's; each
 * claim that it has room for is posted as it is recorded. What `offline_take_mandates` does.
 */

/** @param message whose signature holds @returns why it is not kept now, or that another one is kept under its number */
export function recordMandate(
  state: ModelState,
  message: MandateMessage,
  atMs: number,
): 'unknown_device' | 'mandate_conflict' | undefined {
  const kid = toHex(parseMandate(message.mandate).claims.kid)
  if (standingOf(state, { ...message, kid }, atMs) === 'awaited') return 'unknown_device'
  return keepMandate(state, message, atMs) ? undefined : 'mandate_conflict'
}

export function keepMandate(
  state: ModelState,
  { deviceId: payerDeviceId, rev, mandate: encoded, atMs: givenAtMs }: Omit<MandateMessage, 'kind' | 'factsRev'>,
  atMs: number,
): boolean {
  const signed = toHex(encoded)
  const known = state.mandates.find((row) => row.payerDeviceId === payerDeviceId && row.rev === rev)
  if (known !== undefined) return known.signed === signed
  const { claims, mandate } = parseMandate(encoded)
  const row = { payerDeviceId, rev, kid: toHex(claims.kid), mandate, givenAtMs, recordedAtMs: atMs, signed }
  state.mandates.push({ ...row, isHis: isHis(state, row, atMs) })
  return true
}

function isHis(
  state: ModelState,
  { payerDeviceId: deviceId, kid, mandate }: Pick<MandateRow, 'payerDeviceId' | 'kid' | 'mandate'>,
  atMs: number,
): boolean {
  const isOfWallet = state.devices.get(deviceId)?.ownerWallet === mandate.wallet
  return isOfWallet && standingOf(state, { deviceId, kid }, atMs) === 'holder'
}

function mandateOf(state: ModelState, wallet: string, atMs: number): MandateRow | undefined {
  const [newest] = state.mandates
    .filter((row) => row.isHis && row.mandate.wallet === wallet)
    .sort((a, b) => b.givenAtMs - a.givenAtMs || b.rev - a.rev || (a.payerDeviceId < b.payerDeviceId ? -1 : 1))
  if (newest === undefined) return undefined
  const { payerDeviceId, mandate, recordedAtMs } = newest
  const isLast = !state.mandates.some((row) => row.payerDeviceId === payerDeviceId && row.mandate.no > mandate.no)
  const isInForce = mandate.paymentMax > 0 && recordedAtMs <= atMs && atMs < mandate.untilMs
  return isLast && isInForce && isHis(state, newest, atMs) ? newest : undefined
}

interface ClaimedLine {
  readonly deviceId: string
  readonly payment: PaymentRow['payment']
  readonly country: string
  readonly claimUntilMs: number | undefined
}

/** @returns those claims that the mandates of their payers have room for, in the order given */
export function takeMandates<Line extends ClaimedLine>(
  state: ModelState,
  claims: readonly Line[],
  atMs: number,
): ReadonlySet<Line> {
  const taken = new Set<Line>()
  for (const line of claims) {
    const { deviceId, payment, country, claimUntilMs } = line
    const { sender: wallet, amount, currency } = payment
    const given = mandateOf(state, wallet, atMs)?.mandate
    if (given === undefined || claimUntilMs === undefined || atMs >= claimUntilMs) continue
    if (isRevoked(state, deviceId, payment.counter)) continue
    const { timeZone, mandatePaymentMax, mandateDayMax } = newestPolicy(state, country)
    const day = calendarDay(atMs, timeZone)
    const paid = paidBy(state, { wallet, day, currency })
    if (paid.length >= MANDATED_PER_DAY_MAX) continue
    const room = Math.min(given.dayMax, mandateDayMax) - paid.reduce((sum, { amount }) => sum + amount, 0)
    const most = Math.min(given.paymentMax, mandatePaymentMax, room)
    if (given.currency !== currency || amount > most) continue
    state.mandated.set(counterKey(deviceId, payment.counter), { wallet, day, currency, amount, postedAtMs: atMs })
    taken.add(line)
  }
  return taken
}

/** Its device was revoked before its bundle came. */
const isRevoked = ({ resolutions }: ModelState, deviceId: string, counter: number) =>
  resolutions.some(
    (row) => row.deviceId === deviceId && row.counter === counter && row.choice === 'revoke' && row.result === null,
  )

/** What failed took nothing. */
function paidBy(
  { mandated, payments }: ModelState,
  day: { wallet: string; day: string; currency: string },
): readonly MandatedRow[] {
  return [...mandated]
    .filter(([key, row]) => payments.get(key)?.status !== 'failed' && row.wallet === day.wallet)
    .map(([, row]) => row)
    .filter((row) => row.day === day.day && row.currency === day.currency)
}
