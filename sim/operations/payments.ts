import { OfflineError, type PaymentTerms } from '../../src/device/sdk/index.ts'
import { approvedTerms } from '../people/agents.ts'
import type { SimDevice } from '../people/device.ts'
import { deal } from '../people/market.ts'
import { newestPolicy } from '../promises/policies.ts'
import { roomOf, wrongAnswer } from '../promises/taking.ts'
import type { World } from '../world.ts'
import { takeSigned } from './counter.ts'
import type { Operation } from './operation.ts'
import { limitsOf } from './policy.ts'

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

/**
 * A till takes a payment, or says why not.
 *
 * @param ageMin of its approval, in minutes
 * @param taking how it is taken
 * @returns how the sentence goes on
 */
export async function take(
  world: World,
  device: SimDevice,
  terms: PaymentTerms,
  ageMin = 0,
  taking = () => device.sdk.createOfflineTransaction(terms),
): Promise<string> {
  const { isDoubtful } = device
  const room = roomOf(device.sdk)
  const judge = (declined?: string) => {
    // What came in between may have changed the limits, or what is left of the day.
    const after = declined === undefined ? room : roomOf(device.sdk)
    const isSame = room !== undefined && JSON.stringify(room) === JSON.stringify(after)
    const fault = isSame ? wrongAnswer(terms, ageMin, room, declined) : undefined
    if (fault !== undefined) world.wrong.push(`${device.id}: ${fault}`)
  }
  try {
    const { localId } = await taking()
    if (world.receipts.covers(localId) && !isDoubtful && !device.beganAnew) {
      world.wrong.push(`${localId} was told for a new payment, and a receipt covers it`)
    }
    device.note(localId, terms, isDoubtful)
    if (roomOf(device.sdk)?.version === room?.version) judge()
    const { amount, sender, receiver, authorization } = terms
    return `takes ${localId}: ${amount} F from ${sender} to ${receiver}${authorization ? ', which the payer signed' : ''}`
  } catch (error) {
    if (!(error instanceof OfflineError) || error.money !== 'not_taken') throw error
    device.decline(error.reason ?? error.code)
    if (error.reason !== undefined) judge(error.reason)
    return `does not take ${terms.amount} F: ${error.reason ?? error.code}`
  }
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

/** Somebody switches a device on that has died. */
export async function alive(device: SimDevice): Promise<void> {
  if (device.life.isOver) await device.restart()
}

export const payments = { pay, takeBack }
