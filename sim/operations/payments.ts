import { OfflineError } from '../../src/device/sdk/index.ts'
import type { SimDevice } from '../people/device.ts'
import { deal } from '../people/market.ts'
import type { Operation } from './operation.ts'

/** A person takes a payment. What the SDK resolved with, people are told. */
const pay: Operation = {
  weight: 12,
  async run(world, device, random) {
    await alive(device)
    const offered = deal(random, device.facts.wallet)
    const foreign = offered.sender !== device.facts.wallet
    const phone = world.phones.get(offered.sender)
    const proven = foreign && phone !== undefined && random.chance(offered.amount > 10_000 ? 0.85 : 0.2)
    const terms = proven ? { ...offered, authorization: await phone.authorize(offered) } : offered
    try {
      const { localId } = await device.sdk.createOfflineTransaction(terms)
      device.note(localId, terms)
      const { amount, sender, receiver } = terms
      return `takes ${localId}: ${amount} F from ${sender} to ${receiver}${proven ? ', which the payer signed' : ''}`
    } catch (error) {
      if (!(error instanceof OfflineError) || error.money !== 'not_taken') throw error
      device.decline(error.reason ?? error.code)
      return `does not take ${terms.amount} F: ${error.reason ?? error.code}`
    }
  },
}

/** A person takes a payment back that has not left the device. */
const takeBack: Operation = {
  weight: 1,
  async run(_world, device, random) {
    await alive(device)
    const waiting = [...device.told].filter(([localId, { isVoided }]) => !isVoided && isWaiting(device, localId))
    if (waiting.length === 0) return 'has nothing to take back'
    const [localId, told] = random.pick(waiting)
    // The process may die before it is told; then the receipt decides.
    told.mayBeVoided = true
    try {
      await device.sdk.voidTransaction(Number(localId.split('/')[1]))
      told.isVoided = true
      return `takes ${localId} back`
    } catch (error) {
      if (!(error instanceof OfflineError)) throw error
      if (error.code === 'already_bundled') told.mayBeVoided = false
      return `cannot take ${localId} back: ${error.code}`
    }
  },
}

const isWaiting = ({ sdk }: SimDevice, localId: string) => sdk.getTransaction(localId)?.status === 'pending_offline'

/** Somebody switches a device on that has died. */
export async function alive(device: SimDevice): Promise<void> {
  if (device.life.isOver) await device.restart()
}

export const payments = { pay, takeBack }
