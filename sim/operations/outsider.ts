import { amountMinor } from '../../src/protocol/money.ts'
import { customerOf } from '../people/market.ts'
import type { World } from '../world.ts'
import type { Operation } from './operation.ts'

/**
 * An administrator of another tenant registers a device for the wallet of somebody here, and it takes by its own word: out of
 * that wallet, and into it. The edge cannot know; nothing of it may move.
 */
export const takeFromOutside: Operation = {
  weight: 1,
  async run(world, _device, random) {
    const { outsider } = world
    if (!(await registered(world))) return '(OUTSIDE-1) cannot be registered'
    const other = customerOf(random.between(1, 3))
    const [sender, receiver] = random.chance(0.6) ? [outsider.wallet, other] : [other, outsider.wallet]
    const counter = outsider.nextCounter++
    const payment = outsider.payment(counter, {
      ...{ type: 'p2p', sender, receiver, amount: amountMinor(100 + random.between(0, 400)) },
    })
    const came = await outsider.push(await outsider.sign([payment]))
    return `(OUTSIDE-1) takes ${counter} from ${sender} for ${receiver}: ${came}`
  },
}

async function registered({ outsider, office }: World): Promise<boolean> {
  const { id, wallet, privateKey } = outsider
  if (!outsider.isRegistered) {
    outsider.isRegistered = await office.register(id, 'SN', wallet, privateKey, 'autre').then(
      () => true,
      () => false,
    )
  }
  return outsider.isRegistered
}
