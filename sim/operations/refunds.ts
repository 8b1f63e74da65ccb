import { OfflineError, type OfflinePayment, type RefundOptions } from '../../src/device/sdk/index.ts'
import type { SimDevice } from '../people/device.ts'
import { customerOf } from '../people/market.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import { takeSigned } from './counter.ts'
import type { Operation } from './operation.ts'
import { alive, take } from './take.ts'

/** A merchant gives payments back: all of one, a part, or more than there is; what was just sold, any other, and another shop's. */
export const giveBack: Operation = {
  weight: 3,
  async run(world, device, random) {
    await alive(device)
    const done: string[] = []
    if (random.chance(0.7)) {
      done.push(await sell(world, device, random))
      if (random.chance(0.7)) await device.sdk.syncNow()
      if (random.chance(0.5)) {
        await world.scheduler.sleep(random.between(5_000, 60_000))
        await device.sdk.syncNow()
      }
    }
    const [other] = random.chance(0.1) ? world.devices.filter(({ id }) => id !== device.id) : []
    const [foreign] = other?.sdk.getTransactions() ?? []
    if (foreign !== undefined)
      done.push(await give(world, device, foreign, { amount: Math.min(100, foreign.amount), payer: foreign.sender }))
    const shown = device.sdk.getTransactions()
    const sales = shown.filter(({ receiver, type }) => receiver === device.facts.wallet && type !== 'refund')
    const payment = random.chance(0.7) || shown.length === 0 ? sales.at(-1) : random.pick(shown)
    for (let times = random.between(1, 3); payment !== undefined && times > 0; times--) {
      const amount = random.pick([undefined, 1 + random.between(0, payment.amount - 1), payment.amount + 1])
      done.push(await give(world, device, payment, amount === undefined ? {} : { amount }))
    }
    return done.join('; ') || 'has nothing to give back'
  },
}

async function sell(world: World, device: SimDevice, random: Random): Promise<string> {
  const amount = 100 + 5 * random.between(0, 600)
  const sender = customerOf(random.between(0, 3))
  const terms = { type: 'merchant', amount, currency: 'XOF', sender, receiver: device.facts.wallet } as const
  const phone = world.phones.get(sender)
  return phone ? takeSigned(world, device, terms, phone, random) : take(world, device, terms)
}

async function give(world: World, device: SimDevice, payment: OfflinePayment, how: RefundOptions): Promise<string> {
  const { sdk, isDoubtful } = device
  const { localId } = payment
  const told = device.told.get(localId)
  const left = leftOf(device, payment)
  // The process may die before it is told; then the receipt decides.
  if (told !== undefined && sdk.getTransaction(localId)?.status === 'pending_offline') told.mayBeVoided = true
  try {
    const { kind, payment: given } = await sdk.refund(localId, how)
    if (kind === 'voided') {
      if (told !== undefined) told.isVoided = !isDoubtful
      return `takes ${localId} back`
    }
    if (told !== undefined && !isDoubtful) told.mayBeVoided = false
    const { currency, sender, receiver, amount } = given
    device.note(given.localId, { amount, currency, sender, receiver }, isDoubtful)
    if (amount > left)
      world.wrong.push(`${given.localId} gives back ${amount} F of ${localId}, of which ${left} F are left`)
    return `gives back ${amount} F of ${localId}: ${given.localId}`
  } catch (error) {
    if (!(error instanceof OfflineError)) throw error
    device.decline(error.reason ?? error.code)
    return `does not give back ${how.amount ?? 'the rest'} of ${localId}: ${error.reason ?? error.code}`
  }
}

const GAVE_NOTHING = ['voided', 'failed', 'refused', 'reversed']

/** By what the device shows of its refunds, added up here. */
function leftOf({ sdk, facts, id }: SimDevice, { localId, receiver, amount, type }: OfflinePayment): number {
  // Of another till's payment only the book knows.
  if (!localId.startsWith(`${id}/`)) return amount
  const status = sdk.getTransaction(localId)?.status ?? 'voided'
  if (receiver !== facts.wallet || type === 'refund' || GAVE_NOTHING.includes(status)) return 0
  const refunds = sdk.getTransactions().filter((one) => one.refundOfLocalId === localId)
  const given = refunds.filter((one) => !GAVE_NOTHING.includes(one.status))
  return amount - given.reduce((sum, one) => sum + one.amount, 0)
}
