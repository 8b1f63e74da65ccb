import { DAY_MS } from '../protocol/time.ts'
import { partyTag, type SeenPayment } from './history.ts'
import type { Rule } from './rule.ts'
import { ramp } from './weights.ts'
import { crowds, raise } from './windows.ts'

/** Many wallets to one that is not the owner's. Whoever sells with p2p is paid by many, on their own device. */
const senderSpread: Rule = ({ seen, ownerWallet }) => {
  const owner = partyTag(ownerWallet)
  const foreign = seen.filter(({ sender, receiver }) => sender !== owner && receiver !== owner)
  const about = new Map<number, number>()
  let most = 0
  for (const group of Map.groupBy(foreign, ({ receiver }) => receiver).values()) {
    for (const [counter, count] of crowds(group, DAY_MS, sendersOf)) {
      raise(about, counter, ramp(count, 6, 14))
      most = Math.max(most, count)
    }
  }
  return { rule: 'sender_spread', about, detail: `${most} wallets paid one that is not the owner's within a day` }
}

const sendersOf = (payments: readonly SeenPayment[]): number => new Set(payments.map(({ sender }) => sender)).size

export const partyRules: readonly Rule[] = [senderSpread]
