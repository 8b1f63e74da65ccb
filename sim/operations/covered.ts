import type { AllowanceCount } from '../../dev/fleet/allowance-count.ts'
import type { PayerPhone } from '../../dev/fleet/payer.ts'
import { currency } from '../../src/protocol/money.ts'
import type { SimDevice } from '../people/device.ts'
import { orderAllowance } from '../people/holder.ts'
import { hearAllowance } from '../people/passes.ts'
import { newestPolicy } from '../promises/policies.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import { takeSigned } from './counter.ts'
import type { Operation } from './operation.ts'
import { alive } from './take.ts'

const CEILING_MAX = 6_000
/** How often a phone looks whether its allowance is open, before its person gives up. */
const LOOKS = 6
const CLOSES = 0.4

/** A phone has money held for it, pays at several tills with no network, and sometimes lets go what is left. */
export const payCovered: Operation = {
  weight: 7,
  async run(world, device, random) {
    const phone = random.pick([...world.phones.values()])
    const count = await openedFor(world, device, phone, random)
    if (count === undefined) return `(${phone.deviceId}) has nothing held`
    const said: string[] = []
    for (let payments = random.between(1, 4); payments > 0; payments--) {
      said.push(await payAt(world, random.pick(world.devices), phone, random))
      if (random.chance(0.3)) await world.scheduler.sleep(random.between(1_000, 60_000))
    }
    if (random.chance(CLOSES)) said.push(await letGo(device, phone, count))
    return `(${phone.deviceId}) pays under allowance ${count.no}: ${said.join('; ')}`
  },
}

/** @returns what is open for it; undefined when that does not come */
export async function openedFor(
  { edge, scheduler }: World,
  device: SimDevice,
  phone: PayerPhone,
  random: Random,
): Promise<AllowanceCount | undefined> {
  const heard = () => {
    hearAllowance(edge, phone)
    return phone.held?.isClosing === false ? phone.held : undefined
  }
  const before = heard()
  if (before !== undefined) return before
  const [last] = edge.objects.read(phone.deviceId, 'SELECT coalesce(max(no), 0) AS no FROM allowance_orders')
  const most = newestPolicy(edge, 'SN').allowance_max
  if (most < 1) return undefined
  const ceiling = random.between(1, Math.min(most, CEILING_MAX))
  const order = { choice: 'open', wallet: phone.wallet, currency: currency('XOF'), ceiling } as const
  await orderAllowance(phone, device.network.fetch, { ...order, no: Number(last?.['no']) + 1 })
  for (let looks = LOOKS; looks > 0; looks--) {
    await scheduler.sleep(random.between(2_000, 20_000))
    const opened = heard()
    if (opened !== undefined) return opened
  }
  return undefined
}

/** @param amount mostly within what is left */
export async function payAt(
  world: World,
  till: SimDevice,
  phone: PayerPhone,
  random: Random,
  amount = random.between(1, Math.max(1, Math.floor((phone.held?.ceiling ?? 0) / 2))),
): Promise<string> {
  await alive(till)
  const offered = { type: 'merchant', amount, currency: 'XOF', receiver: till.facts.wallet } as const
  return `${till.id} ${await takeSigned(world, till, offered, phone, random)}`
}

/** A phone says what it has signed, and signs no more. */
export async function letGo(device: SimDevice, phone: PayerPhone, count: AllowanceCount): Promise<string> {
  count.isClosing = true
  const { no, n, spent } = count
  const order = { choice: 'close', wallet: phone.wallet, no, n, spent } as const
  return `closes it after ${n} payments: ${await orderAllowance(phone, device.network.fetch, order)}`
}
