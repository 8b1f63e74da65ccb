import { calendarDay } from '../../src/protocol/activity.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { parseMandate } from '../../src/protocol/mandates.ts'
import type { MandateMessage } from '../../src/protocol/messages.ts'
import { assertBook } from './broken.ts'
import { counterKey, type MandateRow, type ModelState, type PaymentRow } from './state.ts'
import { walletState } from './wallet-state.ts'

/**
 * Mandates: the holder's standing word for small debits. The newest of a wallet counts, while its device is the holder's; each
 * claim that it has room for is posted as it is recorded. What `offline_take_mandates` does.
 */

/** @param message whose signature holds @returns whether the device's mandate with this number is this one */
export function recordMandate(
  state: ModelState,
  { deviceId: payerDeviceId, rev, mandate: encoded, atMs: givenAtMs }: Omit<MandateMessage, 'kind'>,
  atMs: number,
): boolean {
  const signed = toHex(encoded)
  const known = state.mandates.find((row) => row.payerDeviceId === payerDeviceId && row.rev === rev)
  if (known !== undefined) return known.signed === signed
  const { claims, mandate } = parseMandate(encoded)
  const row = { payerDeviceId, rev, kid: toHex(claims.kid), mandate, givenAtMs, signed }
  state.mandates.push({ ...row, isHis: isHis(state, row, atMs, (withdrawnAtMs) => atMs < withdrawnAtMs) })
  return true
}

/** @param stands whether a consent that was withdrawn then counts still */
function isHis(
  state: ModelState,
  { payerDeviceId, kid, mandate }: Pick<MandateRow, 'payerDeviceId' | 'kid' | 'mandate'>,
  atMs: number,
  stands: (withdrawnAtMs: number) => boolean,
): boolean {
  const device = state.devices.get(payerDeviceId)
  assertBook(device !== undefined, 'a mandate is of a device that is known')
  const { wallet } = mandate
  if (device.status !== 'active' || device.ownerWallet !== wallet) return false
  if (device.keys.get(kid)?.state === 'revoked' || walletState(state, wallet, device.tenant) !== 'known') return false
  return [...device.consents.values()].some(
    (consent) =>
      consent.wallet === wallet &&
      consent.tenant === device.tenant &&
      toHex(consent.thumbprint).startsWith(kid) &&
      atMs <= consent.untilMs &&
      (consent.withdrawnAtMs === null || stands(consent.withdrawnAtMs)),
  )
}

function mandateOf(state: ModelState, wallet: string, atMs: number): MandateRow | undefined {
  const [newest] = state.mandates
    .filter((row) => row.isHis && row.mandate.wallet === wallet)
    .sort((a, b) => b.givenAtMs - a.givenAtMs || b.rev - a.rev || (a.payerDeviceId < b.payerDeviceId ? -1 : 1))
  if (newest === undefined) return undefined
  const { payerDeviceId, mandate } = newest
  const isLast = !state.mandates.some((row) => row.payerDeviceId === payerDeviceId && row.mandate.no > mandate.no)
  const isInForce = mandate.paymentMax > 0 && atMs < mandate.untilMs
  return isLast && isInForce && isHis(state, newest, atMs, () => false) ? newest : undefined
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
    const day = calendarDay(atMs, zoneOf(state, country))
    const room = given.dayMax - paidBy(state, { wallet, day, currency })
    if (given.currency !== currency || amount > given.paymentMax || amount > room) continue
    state.mandated.set(counterKey(deviceId, payment.counter), { wallet, day, currency, amount })
    taken.add(line)
  }
  return taken
}

/** What failed took nothing. */
function paidBy({ mandated, payments }: ModelState, day: { wallet: string; day: string; currency: string }): number {
  return [...mandated]
    .filter(([key, row]) => payments.get(key)?.status !== 'failed' && row.wallet === day.wallet)
    .filter(([, row]) => row.day === day.day && row.currency === day.currency)
    .reduce((sum, [, { amount }]) => sum + amount, 0)
}

function zoneOf({ policies }: ModelState, country: string): string {
  const [newest] = [...policies.values()].filter((one) => one.country === country).sort((a, b) => b.version - a.version)
  assertBook(newest !== undefined, 'a payment is of a country with a policy')
  return newest.timeZone
}
