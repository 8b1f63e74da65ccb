import { DAY_MS } from '../protocol/time.ts'
import { partyTag, type SeenPayment } from './history.ts'
import { DEVICE_NEW_FOR_MS, PAYEE_KNOWN_AFTER_DAYS } from './limits.ts'
import type { Rule, Scene } from './rule.ts'
import { crowds, raise } from './windows.ts'

/**
 * Sums without a payer's signature are small because nobody but the device speaks for them. Three of them a day are
 * what a device may send to several new payees on its own word: 99 of 100 transfers of the market day are smaller than that.
 */
const SMALL_SUMS = 3

/** Prices and rents rise, and a second bill comes on the same day: three times the largest before is still the same habit. */
const USUAL_TIMES = 3

/** Half of what a device may move in a day. Twice as much as the busiest phone of the market day sends. */
const SHARE_OF_DAY = 0.5

/** Wallets that pay into one by p2p within a day: more than a family, fewer than a savings circle. */
const PAYERS = 6

/**
 * Money that leaves the owner's wallet on the device's word alone: what a thief, a copy of the device and a mule can send.
 * A person asks about
 *
 * - several payments of a day to payees that are new to a device that is not new itself, or are sent far more than ever
 *   before, beyond a few small sums. One payment alone is a rent or a school fee;
 * - what goes on to somebody else on a day when many paid in by p2p;
 * - everything on a day when it is half of what a device may move.
 *
 * An agent's cash-ins go to strangers by nature; the linked sums hold them.
 */
const payout: Rule = (scene) => {
  const { seen, policy, deviceAgeMs } = scene
  const owner = partyTag(scene.ownerWallet)
  const out = seen.filter(({ sender, type }) => sender === owner && type !== 'cashin')
  const about = new Map<number, number>()
  let most = 0
  if (out.length > 0) {
    const small = SMALL_SUMS * policy.requirePayerProofAbove
    if (deviceAgeMs >= DEVICE_NEW_FOR_MS) note(out.filter(newTo(scene)), small, sumOfSeveral)
    note(passedOn(seen, out, owner), small, sumOf)
    note(out, SHARE_OF_DAY * policy.maxOfflineValuePerDevicePerDay, sumOf)
  }
  return { rule: 'payout', about, detail: `sent on up to ${most} within a day in a way that is not the device's` }

  function note(payments: readonly SeenPayment[], limit: number, measure: typeof sumOf): void {
    for (const [counter, sum] of crowds(payments, DAY_MS, measure)) {
      if (sum <= limit) continue
      raise(about, counter, 1)
      most = Math.max(most, sum)
    }
  }
}

function newTo({ history: { payees } }: Scene): (payment: SeenPayment) => boolean {
  const known = new Map(payees.map(([tag, sinceDay, most]) => [tag, { sinceDay, most }]))
  return ({ receiver, amount, atMs }) => {
    const payee = known.get(receiver)
    if (payee === undefined || Math.floor(atMs / DAY_MS) - payee.sinceDay < PAYEE_KNOWN_AFTER_DAYS) return true
    return amount > USUAL_TIMES * payee.most
  }
}

/** Payouts to somebody who paid nothing, within a day after so many had paid in by p2p. A savings circle pays its members. */
function passedOn(seen: readonly SeenPayment[], out: readonly SeenPayment[], owner: number): readonly SeenPayment[] {
  const paidIn = seen.filter(({ receiver, type }) => receiver === owner && type === 'p2p')
  if (paidIn.length < PAYERS) return []
  return out.filter(({ atMs, receiver }) => {
    const payers = new Set<number>()
    for (const one of paidIn) if (one.atMs <= atMs && atMs - one.atMs < DAY_MS) payers.add(one.sender)
    return payers.size >= PAYERS && !payers.has(receiver)
  })
}

const sumOf = (payments: readonly SeenPayment[]): number => payments.reduce((sum, { amount }) => sum + amount, 0)
const sumOfSeveral = (payments: readonly SeenPayment[]): number => (payments.length < 2 ? 0 : sumOf(payments))

export const payoutRules: readonly Rule[] = [payout]
