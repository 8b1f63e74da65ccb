import { type AllowanceOrder, parseAllowanceOrder } from '../../src/protocol/allowances.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { ALLOWANCE_DAYS } from '../../src/protocol/limits.ts'
import type { AllowanceOrderMessage } from '../../src/protocol/messages.ts'
import { DAY_MS, HOUR_MS, MINUTE_MS } from '../../src/protocol/time.ts'
import { type Account, availableMinor, type HeldAllowance } from './book.ts'
import { assertBook } from './broken.ts'
import { newestPolicy } from './policies.ts'
import { standingOf } from './standing.ts'
import { type AllowanceOrderRow, type AllowanceRow, allowanceKey, type ModelState, type SpendingRow } from './state.ts'

/**
 * Allowances: money that is held for a payer's phone. Orders are kept when they come, and carried out when it can be said what they come to.
 * What `offline_apply_allowance_orders`, `offline_record_spending` and `offline_expire_allowances` do, in the plainest way.
 */

/** @param message whose signature holds @returns why it is not kept now, or that another one is kept under its number */
export function recordOrder(
  state: ModelState,
  message: AllowanceOrderMessage,
  atMs: number,
): 'unknown_device' | 'order_conflict' | undefined {
  const kid = toHex(parseAllowanceOrder(message.order).claims.kid)
  if (standingOf(state, { ...message, kid }, atMs) === 'awaited') return 'unknown_device'
  return keepOrder(state, message, atMs) ? undefined : 'order_conflict'
}

export function keepOrder(
  state: ModelState,
  { deviceId: payerDeviceId, rev, order: encoded }: Pick<AllowanceOrderMessage, 'deviceId' | 'rev' | 'order'>,
  atMs: number,
): boolean {
  const signed = toHex(encoded)
  const known = state.allowanceOrders.find((row) => row.payerDeviceId === payerDeviceId && row.rev === rev)
  if (known !== undefined) return known.signed === signed
  const { claims, order } = parseAllowanceOrder(encoded)
  const row = { payerDeviceId, rev, kid: toHex(claims.kid), order, signed }
  state.allowanceOrders.push({ ...row, isHis: isHis(state, row, atMs), result: null })
  return true
}

function isHis(
  state: ModelState,
  { payerDeviceId: deviceId, kid, order }: Pick<AllowanceOrderRow, 'payerDeviceId' | 'kid' | 'order'>,
  atMs: number,
): boolean {
  const isOfWallet = state.devices.get(deviceId)?.ownerWallet === order.wallet
  return isOfWallet && standingOf(state, { deviceId, kid }, atMs) === 'holder'
}

/** Devices with orders that can be carried out. */
export const devicesWithDueOrders = (state: ModelState): readonly string[] =>
  [...new Set(state.allowanceOrders.filter((row) => isDue(state, row)).map((row) => row.payerDeviceId))].sort()

const isDue = (state: ModelState, row: AllowanceOrderRow) =>
  row.result === null && (row.order.choice === 'open' || openingOf(state, row) !== undefined)

const openingOf = ({ allowanceOrders }: ModelState, { payerDeviceId, order: { no } }: AllowanceOrderRow) =>
  allowanceOrders.find(
    (row) => row.payerDeviceId === payerDeviceId && row.order.no === no && row.order.choice === 'open',
  )

/** Carries out what is due of a device. @returns the orders that were, in their order */
export function applyOrders(state: ModelState, deviceId: string, atMs: number): readonly AllowanceOrderRow[] {
  const own = state.allowanceOrders
    .filter((row) => row.payerDeviceId === deviceId && row.result === null)
    .sort((a, b) => a.rev - b.rev)
  return own.filter((row) => {
    row.result = row.isHis ? resultOf(state, row, row.order, atMs) : 'not_authorised'
    return row.result !== null
  })
}

function resultOf(
  state: ModelState,
  row: AllowanceOrderRow,
  order: AllowanceOrder,
  atMs: number,
): AllowanceOrderRow['result'] {
  const { payerDeviceId } = row
  if (order.choice === 'open') return open(state, row, order, atMs)
  const allowance = state.allowances.get(allowanceKey(payerDeviceId, order.no))
  if (allowance === undefined || allowance.state !== 'open' || allowance.wallet !== order.wallet) {
    const opening = openingOf(state, row)
    return opening === undefined || opening.result === null ? null : 'not_open'
  }
  allowance.state = 'closing'
  allowance.stated = { n: order.n, spent: order.spent }
  lookAt(state, allowance)
  return 'closing'
}

function open(
  state: ModelState,
  row: AllowanceOrderRow,
  { wallet, no, currency, ceiling }: Extract<AllowanceOrder, { choice: 'open' }>,
  atMs: number,
): AllowanceOrderRow['result'] {
  const { payerDeviceId } = row
  const device = state.devices.get(payerDeviceId)
  if (device === undefined || !isHis(state, row, atMs)) return 'not_authorised'
  const { enabled, allowanceMax } = newestPolicy(state, device.country)
  if (!enabled || ceiling > allowanceMax) return 'above_policy'
  const account = state.book.accounts.get(wallet)
  if (account === undefined || account.kind === 'system') return 'unknown_wallet'
  if (account.frozen) return 'wallet_frozen'
  if (account.currency !== currency) return 'currency_mismatch'
  const all = [...state.allowances.values()]
  if (all.some((one) => one.wallet === wallet && isLive(one))) return 'already_open'
  if (all.some((one) => one.deviceId === payerDeviceId && one.no >= no)) return 'stale'
  if (availableMinor(account) < ceiling) return 'insufficient_funds'
  const untilMs = atMs + ALLOWANCE_DAYS * DAY_MS
  account.heldMinor += ceiling
  const opened: AllowanceRow = {
    ...{
      deviceId: payerDeviceId,
      no,
      wallet,
      currency,
      ceiling,
      untilMs,
      endsAtMs: untilMs + DAY_MS + oldestMs(state),
    },
    ...{ heldMinor: ceiling, consumed: 0, returned: 0, state: 'open', stated: undefined },
  }
  state.allowances.set(allowanceKey(payerDeviceId, no), opened)
  state.book.allowances.push(opened)
  return 'opened'
}

/** How late what was signed in the last minute may come, by any policy. */
const oldestMs = ({ policies }: ModelState) =>
  Math.max(
    ...[...policies.values()].map(
      ({ maxBundleAgeHours, maxRelayHours, maxClockSkewMinutes }) =>
        (maxBundleAgeHours + maxRelayHours) * HOUR_MS + maxClockSkewMinutes * MINUTE_MS,
    ),
  )

export const isLive = ({ state }: AllowanceRow): boolean => state === 'open' || state === 'closing'

/** What is left goes back. */
function end(state: ModelState, allowance: AllowanceRow, as: 'closed' | 'expired'): void {
  const account = accountOf(state, allowance)
  account.heldMinor -= allowance.heldMinor
  allowance.returned = allowance.heldMinor
  allowance.heldMinor = 0
  allowance.state = as
}

function accountOf({ book }: ModelState, { wallet }: HeldAllowance): Account {
  const account = book.accounts.get(wallet)
  assertBook(account !== undefined, 'an allowance is of a wallet that there is')
  return account
}

/** Allowances that nothing can come under any more. @returns those that ended */
export function expire(state: ModelState, atMs: number): readonly AllowanceRow[] {
  const over = [...state.allowances.values()].filter((one) => isLive(one) && one.endsAtMs <= atMs)
  for (const allowance of over) end(state, allowance, 'expired')
  return over
}

/** @returns when something can be done about allowances next; undefined when only a message can tell */
export function nextAllowanceMs(state: ModelState, atMs: number): number | undefined {
  if (devicesWithDueOrders(state).length > 0) return atMs
  const ends = [...state.allowances.values()].filter(isLive).map(({ endsAtMs }) => endsAtMs)
  return ends.length === 0 ? undefined : Math.min(...ends)
}

/** A payment that was signed under an allowance has arrived. */
export function keepSpending(state: ModelState, row: SpendingRow): void {
  state.spending.push(row)
  const allowance = state.allowances.get(allowanceKey(row.payerDeviceId, row.no))
  assertBook(allowance !== undefined, 'a payment is signed under an allowance that there is')
  lookAt(state, allowance)
}

/** It is closed when all that its phone says it has signed is here, and not by a phone that contradicts itself. */
function lookAt(state: ModelState, allowance: AllowanceRow): void {
  const { deviceId, no, stated } = allowance
  const key = allowanceKey(deviceId, no)
  const own = state.spending.filter((row) => row.payerDeviceId === deviceId && row.no === no)
  if (isContradictory(allowance, own)) state.misused.add(key)
  if (allowance.state !== 'closing' || state.misused.has(key)) return
  if (new Set(own.map(({ n }) => n)).size === stated?.n) end(state, allowance, 'closed')
}

/** What devices are told when it changes, for each of these. */
export function standingsOf(state: ModelState, deviceIds: Iterable<string>): ReadonlyMap<string, string> {
  return new Map(
    [...new Set(deviceIds)].map((id) => {
      const own = [...state.allowances].filter(([, { deviceId }]) => deviceId === id)
      return [id, own.map(([key, row]) => `${key} ${row.state} ${state.misused.has(key)}`).join()]
    }),
  )
}

/** Whether not all can be true of what a phone counted: each pair by itself. */
function isContradictory({ ceiling, stated }: AllowanceRow, own: readonly SpendingRow[]): boolean {
  return own.some(({ n, spent, amount }, i) => {
    const isBeyond = stated !== undefined && (n > stated.n || spent > stated.spent)
    const isOther = stated !== undefined && n === stated.n && spent !== stated.spent
    if (spent > ceiling || spent < amount || (n === 1 && spent !== amount) || isBeyond || isOther) return true
    return own.some((other, j) => {
      if (i === j || other.n > n) return false
      if (other.n === n) return true
      return spent - other.spent < amount || (other.n === n - 1 && spent - other.spent !== amount)
    })
  })
}
