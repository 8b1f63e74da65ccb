/**
 * What each rule can add to a score, and why that much. The marks are the default policy's: from 0.15 a person looks,
 * above 0.35 the money waits in quarantine. So a rule below 0.15 never stops a payment alone, one at 0.15–0.35 asks for
 * a person, and it takes two of those for a quarantine.
 */
export const WEIGHTS = {
  // People cannot hand over money this fast: a script, or a clock that makes it look so. The latter is harmless, so a
  // person looks and nothing is locked away.
  velocity: 0.25,
  // Several amounts made to fit under a limit that asks for more proof. There is an intention in it.
  structuring: 0.2,
  // The owner's wallet is sent away on the device's word: what a thief, a copy and a mule do. Also how a new landlord and
  // wages are paid: a person asks.
  payout: 0.2,
  // A sum in pieces that each limit lets through. A good customer does it without a thought: a person asks.
  linked: 0.2,
  // The owner's wallet is debited by a bundle whose predecessors are missing. A device that waits for its receipt never
  // sends one; a copy that goes on ahead of the device must.
  debit_after_hole: 0.2,
  // Many wallets emptied into one that is not the owner's: mules collect so; a till does not.
  sender_spread: 0.2,
  // The device's own clocks contradict each other: its time was turned back after the bundle was sealed.
  clock_turned_back: 0.15,
  // Payments dated after the signature over them. Such a date does not happen to an honest clock; the time rule sends
  // them to review besides.
  dated_ahead: 0.15,
  // Payments dated before ones that were taken earlier. Once is a clock that was put right, so one step alone adds 0.05.
  out_of_order: 0.15,
  // Bundles are missing. A relay that is late looks the same, and that is normal here: never enough by itself.
  chain_hole: 0.14,
  // More of them than relays explain: whoever signs after the jump may be a clone, so a person asks, as long as it lasts.
  chain_gap: 0.2,
  // The device told two stories lately: one is a case for a person, two are a clone.
  recent_conflict: 0.4,
  // What became of its earlier payments. A device with the worst name is looked at with every bundle; it takes one more
  // sign to quarantine it, because a customer without money is not the merchant's fraud.
  low_reputation: 0.3,
} as const

export type RuleName = keyof typeof WEIGHTS

/** 0 at `from` and below, 1 at `to` and above, straight between them. */
export function ramp(value: number, from: number, to: number): number {
  return Math.min(1, Math.max(0, (value - from) / (to - from)))
}
