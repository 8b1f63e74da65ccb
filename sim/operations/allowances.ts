import type { AllowanceCount } from '../../dev/fleet/allowance-count.ts'
import type { AllowanceOrder } from '../../src/protocol/allowances.ts'
import { currency } from '../../src/protocol/money.ts'
import { orderAllowance } from '../people/holder.ts'
import { hearAllowance } from '../people/passes.ts'
import { speakersOf, spokenFor } from '../people/speakers.ts'
import { newestPolicy } from '../promises/policies.ts'
import type { Random } from '../time/random.ts'
import { readyPhones } from './household.ts'
import type { Operation } from './operation.ts'

/** Chance that a phone closes what it has asked for, before it asks for another. */
const CLOSES = 0.6
/** Chance that a phone says it has signed what never comes: what is left waits for the end of its time. */
const OWES = 0.2

/** The holder of a wallet has money held for a phone, or lets it go: on any of the holder's phones. */
const holdForPhone: Operation = {
  weight: 3,
  async run(world, device, random) {
    const { edge, phones } = world
    const wallet = random.pick(spokenFor(world))
    const [phone] = await speakersOf(world, wallet, device, random, () => readyPhones(world, random))
    if (phone === undefined) return `(nobody) has a phone for ${wallet}`
    const [last] = edge.objects.read(
      phone.deviceId,
      'SELECT no, choice FROM allowance_orders ORDER BY rev DESC LIMIT 1',
    ) as { no: number; choice: string }[]
    const most = newestPolicy(edge, 'SN').allowance_max
    const order = orderOf(wallet, last, most, random)
    const own = phones.get(wallet)
    if (own !== undefined) hearAllowance(edge, own)
    if (order.choice === 'close') Object.assign(order, stated(own?.allowances.get(order.no), order))
    const said = await orderAllowance(phone, phone.fetch, order)
    const what = order.choice === 'open' ? `${order.ceiling} held` : `to end, after ${order.n} payments`
    return `(${phone.deviceId}) wants allowance ${order.no} of ${wallet} ${what}: ${said}`
  },
}

function orderOf(
  wallet: string,
  last: { readonly no: number; readonly choice: string } | undefined,
  most: number,
  random: Random,
): AllowanceOrder {
  const no = last?.no ?? 0
  if (last?.choice === 'open' && random.chance(CLOSES)) {
    const n = random.chance(OWES) ? random.between(1, 3) : 0
    return { choice: 'close', wallet, no, n, spent: n * 100 }
  }
  // Sometimes more than the policy lets, and often more than there is.
  const ceiling = random.between(1, random.chance(0.7) ? 2_000 : most + 100)
  return { choice: 'open', wallet, no: no + 1, currency: currency('XOF'), ceiling }
}

/**
 * What a phone says it has signed, besides what it owes: from here on it signs no more.
 *
 * @param owed what never comes
 */
function stated(count: AllowanceCount | undefined, owed: { readonly n: number; readonly spent: number }) {
  if (count === undefined) return owed
  if (!count.isClosing && count.spent + owed.spent <= count.ceiling) {
    count.n += owed.n
    count.spent += owed.spent
  }
  count.isClosing = true
  return { n: count.n, spent: count.spent }
}

/** Somebody wants money held in the name of another: with his own device, or under the name of the other's phone. */
const holdForAnother: Operation = {
  weight: 1,
  async run({ rogue, phones }, _, random) {
    if (!rogue.isRegistered) return `(${rogue.id}) has no device yet`
    const [wallet, phone] = random.pick([...phones])
    const own = { deviceId: random.chance(0.5) ? rogue.id : phone.deviceId, signer: await rogue.signer() }
    const order = { choice: 'open', wallet, no: random.between(1, 9), currency: currency('XOF'), ceiling: 100 } as const
    return `(${rogue.id}) wants money of ${wallet} held as ${own.deviceId}: ${await orderAllowance(own, rogue.network.fetch, order)}`
  },
}

export const allowances = { holdForPhone, holdForAnother }
