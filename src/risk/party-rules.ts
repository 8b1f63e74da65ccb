import { DAY_MS } from '../protocol/time.ts'
import { partyTag, type SeenPayment } from './history.ts'
import type { Rule } from './rule.ts'
import { ramp } from './weights.ts'
import { crowds, raise } from './windows.ts'

/**
 * One wallet to many by p2p within a day. An agent's cash-ins and a merchant's sales are spread by nature and are other
 * types. A family's allowances are six; a payroll of twelve gets a look.
 */
const receiverSpread: Rule = ({ seen }) => {
  const p2p = seen.filter(({ type }) => type === 'p2p')
  const { about, most } = spread(p2p, 'sender', 'receiver')
  return { rule: 'receiver_spread', about, detail: `one wallet paid ${most} others within a day` }
}

/** Many wallets to one that is not the owner's. Whoever sells with p2p is paid by many, on their own device. */
const senderSpread: Rule = ({ seen, ownerWallet }) => {
  const owner = partyTag(ownerWallet)
  const foreign = seen.filter(({ sender, receiver }) => sender !== owner && receiver !== owner)
  const { about, most } = spread(foreign, 'receiver', 'sender')
  return { rule: 'sender_spread', about, detail: `${most} wallets paid one that is not the owner's within a day` }
}

type Side = 'sender' | 'receiver'

function spread(seen: readonly SeenPayment[], one: Side, many: Side): { about: Map<number, number>; most: number } {
  const about = new Map<number, number>()
  let most = 0
  for (const group of Map.groupBy(seen, (payment) => payment[one]).values()) {
    const others = (window: readonly SeenPayment[]) => new Set(window.map((payment) => payment[many])).size
    for (const [counter, count] of crowds(group, DAY_MS, others)) {
      raise(about, counter, ramp(count, 6, 14))
      most = Math.max(most, count)
    }
  }
  return { about, most }
}

export const partyRules: readonly Rule[] = [receiverSpread, senderSpread]
