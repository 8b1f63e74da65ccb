import { amountMinor } from '../../src/protocol/money.ts'
import { customerOf } from '../people/market.ts'
import { publish } from '../people/new-policy.ts'
import { newestPolicy } from '../promises/policies.ts'
import type { World } from '../world.ts'
import { insistently } from './insistently.ts'
import type { Operation } from './operation.ts'

/**
 * An administrator of another tenant registers a device for the wallet of somebody here, another one helps him to give it consent,
 * and it takes by its own word: out of that wallet, and into it. The edge cannot know; nothing of it may move.
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

const UNSEEN_MAX = 2_000
const PIECES = 4

/** It was away with what it took, under rules that let it: it brings more than it may now, in several bundles. */
export const bringBacklog: Operation = {
  weight: 0.5,
  async run(world, _device, random) {
    const { outsider, office, edge, scheduler } = world
    if (!(await registered(world))) return '(OUTSIDE-1) cannot be registered'
    const now = newestPolicy(edge, 'SN')
    if (now.max_offline_value_between_syncs > UNSEEN_MAX) {
      const changes = {
        max_offline_value_between_syncs: UNSEEN_MAX,
        max_offline_amount: Math.min(UNSEEN_MAX, now.max_offline_amount),
      }
      return `(ops) lowers what SN may bring: ${await insistently(world, random, (key) => publish(office, now, changes, key))}`
    }
    const initiatedAtMs = Math.floor(scheduler.nowMs / 1000) * 1000 - (now.max_clock_skew_minutes + 5) * 60_000
    // The whole limit and a franc more, or exactly the limit.
    const last = UNSEEN_MAX - (PIECES - 1) * 500 + random.between(0, 1)
    const came: string[] = []
    for (const amount of [...Array<number>(PIECES - 1).fill(500), last]) {
      const terms = { type: 'p2p', sender: outsider.wallet, receiver: customerOf(1), initiatedAtMs } as const
      const payment = outsider.payment(outsider.nextCounter++, { ...terms, amount: amountMinor(amount) })
      came.push(await outsider.push(await outsider.sign([payment])))
    }
    return `(OUTSIDE-1) brings ${UNSEEN_MAX} F and more that nobody has seen: ${came.join(', ')}`
  },
}

async function registered({ outsider, office }: World): Promise<boolean> {
  const { id, wallet, privateKey } = outsider
  if (!outsider.isRegistered) {
    outsider.isRegistered = await office.register(id, 'SN', wallet, privateKey, 'autre').then(
      () => true,
      () => false,
    )
    // Without the edge's answer it goes without, as far as he knows.
    await office.consent(id).catch(() => undefined)
  }
  return outsider.isRegistered
}
