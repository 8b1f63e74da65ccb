import { OfflineError } from '../../src/device/sdk/index.ts'
import { approvedTerms } from '../people/agents.ts'
import type { SimDevice } from '../people/device.ts'
import { deal } from '../people/market.ts'
import { newestPolicy } from '../promises/policies.ts'
import { takeSigned } from './counter.ts'
import type { Operation } from './operation.ts'
import { limitsOf } from './policy.ts'
import { alive, take } from './take.ts'

const USUALLY_PROVEN_ABOVE = 10_000

/** A person takes a payment. What the SDK resolved with, people are told. */
const pay: Operation = {
  weight: 12,
  async run(world, device, random) {
    await alive(device)
    const offered = deal(random, device.facts.wallet, limitsOf(newestPolicy(world.edge, device.facts.country)))
    const foreign = offered.sender !== device.facts.wallet
    const phone = world.phones.get(offered.sender)
    const proven = foreign && phone !== undefined && random.chance(offered.amount > USUALLY_PROVEN_ABOVE ? 0.85 : 0.6)
    if (proven) return takeSigned(world, device, offered, phone, random)
    const { terms, ageMin } = await approvedTerms(world.agents, device, random, offered)
    return take(world, device, terms, ageMin)
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
    // One that was set back and has had no contact since cannot know that the payment has left it: then the receipt decides, too.
    const { isDoubtful } = device
    try {
      await device.sdk.voidTransaction(Number(localId.split('/')[1]))
      told.isVoided = !isDoubtful
      return `takes ${localId} back`
    } catch (error) {
      if (!(error instanceof OfflineError)) throw error
      if (error.code === 'already_bundled') told.mayBeVoided = false
      return `cannot take ${localId} back: ${error.code}`
    }
  },
}

const isWaiting = ({ sdk }: SimDevice, localId: string) => sdk.getTransaction(localId)?.status === 'pending_offline'

export const payments = { pay, takeBack }
