import { encodeAllowanceOrder, isLive } from '../../../protocol/allowances.ts'
import type { Pass } from '../../../protocol/pass.ts'
import { OfflineError } from '../errors.ts'
import { signHoldersWord } from '../holders-word.ts'
import type { Records } from '../store/records.ts'
import type { SyncDeps } from '../sync/sync-deps.ts'
import { type KeptAllowance, keptAllowances, keptAuthorizations } from './kept.ts'

/**
 * The payer's allowance: money that the ledger holds for what this phone signs with no network. An order is on disk with its signature
 * before it is sent, so that the same bytes are sent again when nobody knows whether they came.
 *
 *   ask: presence → number → signed → on disk → sent        close: nothing is signed under it any more → counted → on disk → sent
 */

export interface AllowanceTerms {
  /** All that is held, minor units; at most `allowanceMax` of the country's policy. */
  readonly amount: number
  /** Asks the person who holds the phone, by PIN, fingerprint or face. @returns whether the person said yes */
  readonly userPresence: () => Promise<boolean>
}

/** What is left to sign with cover, with no network. */
export interface Spendable {
  /** All that is held, and of it what this phone has signed for others; minor units. */
  readonly covered: number
  readonly used: number
  /** UTC milliseconds. */
  readonly expires: number
}

/**
 * Asks for an allowance. That it is open the next notices say (`spendable`).
 *
 * @throws OfflineError
 */
export async function requestAllowance(deps: SyncDeps, { amount, userPresence }: AllowanceTerms): Promise<void> {
  const { device } = deps
  if (!device.hasState) throw new OfflineError('not_ready')
  if (!Number.isSafeInteger(amount) || amount <= 0) throw new RangeError('not an amount')
  const { policy, ownerWallet: wallet, allowance } = device.state
  if (amount > policy.allowanceMax) throw new OfflineError('allowance_above_policy')
  const newest = await device.change(() => newestOf(device.records))
  // What was asked for and never answered is asked for again, and not a second one.
  if (newest && !newest.isSent && newest.closing === undefined) {
    if (newest.ceiling !== amount) throw new OfflineError('state_conflict')
    return bring(deps, newest)
  }
  if (allowance && isLive(allowance)) throw new OfflineError('state_conflict')
  if (!(await userPresence())) throw new OfflineError('not_confirmed')
  const no = 1 + Math.max(newest?.no ?? 0, allowance?.no ?? 0)
  const payload = encodeAllowanceOrder({ choice: 'open', wallet, no, currency: policy.currency, ceiling: amount })
  const order = await signHoldersWord(deps, payload, 'molam-allowance-order-v1')
  const asked = await device.change(async () => {
    const kept = keptAllowances(device.records)
    const all = await kept.all()
    // Another page has asked meanwhile.
    if (all.some((one) => one.no >= no)) throw new OfflineError('state_conflict')
    const one: KeptAllowance = { no, ceiling: amount, order, isSent: false }
    await kept.write([...all, one])
    return one
  })
  return bring(deps, asked)
}

/**
 * Signs nothing more under it, says what was signed, and has the rest given back once all of that has arrived.
 *
 * @throws OfflineError
 */
export async function closeAllowance(deps: SyncDeps): Promise<void> {
  const { device } = deps
  if (!device.hasState) throw new OfflineError('not_ready')
  const { records } = device
  const { ownerWallet: wallet } = device.state
  const closing = await device.change(async () => {
    const kept = keptAllowances(records)
    const newest = await newestOf(records)
    if (newest === undefined) throw new OfflineError('state_conflict')
    if (newest.closing !== undefined) return newest
    // From here on no place is taken under it. One that was taken and not signed counts: a signature may be somewhere.
    const all = await kept.all()
    const marked = { ...newest, closing: await signedUnder(records, newest.no) }
    await kept.write(all.map((one) => (one.no === newest.no ? marked : one)))
    return marked
  })
  const { no, closing: statement } = closing
  if (statement === undefined) throw new OfflineError('state_conflict')
  if (closing.closingOrder !== undefined) return bring(deps, closing)
  const payload = encodeAllowanceOrder({ choice: 'close', wallet, no, ...statement })
  const signed = await signHoldersWord(deps, payload, 'molam-allowance-order-v1')
  return bring(deps, await change(deps, no, (one) => ({ closingOrder: signed, ...one })))
}

/** @returns undefined when nothing is held for this phone, or its time is over */
export async function spendable({ device }: Pick<SyncDeps, 'device'>): Promise<Spendable | undefined> {
  if (!device.hasState) return undefined
  const { allowance } = device.state
  const { untilMs: expires, no, ceiling: covered } = allowance ?? {}
  if (allowance?.state !== 'open' || expires === undefined || no === undefined || covered === undefined)
    return undefined
  if (device.clock.nowMs() > expires) return undefined
  return device.change(async () => {
    const newest = await newestOf(device.records)
    if (newest?.no !== no || newest.closing !== undefined) return undefined
    return { covered, used: (await signedUnder(device.records, no)).spent, expires }
  })
}

/**
 * Whether this phone counts under the allowance of a pass: it has asked for it with this storage, and has not said that it closes. Who has
 * lost the storage does not know how far it was, and would be convicted by its own numbers. To be called under the device's lock.
 */
export async function countsUnder(records: Records, { allowance }: Pick<Pass, 'allowance'>): Promise<boolean> {
  if (allowance === undefined) return false
  const newest = await newestOf(records)
  return newest?.no === allowance.no && newest.closing === undefined
}

/** The allowance that was asked for last. To be called under the device's lock. */
export async function newestOf(records: Records): Promise<KeptAllowance | undefined> {
  return (await keptAllowances(records).all()).at(-1)
}

/** The last number, and the sum, of what was signed under it, or may have been. */
export async function signedUnder(
  records: Records,
  no: number,
): Promise<{ readonly n: number; readonly spent: number }> {
  const all = await keptAuthorizations(records).all()
  const under = all.flatMap(({ covered }) => (covered?.allowanceNo === no ? [covered] : []))
  return { n: Math.max(0, ...under.map(({ n }) => n)), spent: Math.max(0, ...under.map(({ spent }) => spent)) }
}

/** Sends what was not sent: the order to open comes first. */
async function bring(deps: SyncDeps, one: KeptAllowance): Promise<void> {
  const { no, order, isSent, closingOrder } = one
  if (!isSent) await send(deps, order)
  if (!isSent) await change(deps, no, () => ({ isSent: true }))
  if (closingOrder !== undefined) await send(deps, closingOrder)
}

async function send({ transport }: SyncDeps, order: string): Promise<void> {
  const answer = await transport.postJson('/offline/allowances', { order })
  if (answer.kind !== 'ok') throw new OfflineError(answer.code)
}

/** @returns the allowance as it is kept then */
function change(
  { device }: Pick<SyncDeps, 'device'>,
  no: number,
  over: (one: KeptAllowance) => Partial<KeptAllowance>,
): Promise<KeptAllowance> {
  return device.change(async () => {
    const kept = keptAllowances(device.records)
    const all = (await kept.all()).map((one) => (one.no === no ? { ...one, ...over(one) } : one))
    await kept.write(all)
    const changed = all.find((one) => one.no === no)
    if (changed === undefined) throw new OfflineError('state_conflict')
    return changed
  })
}
