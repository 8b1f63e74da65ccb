import { OfflineError } from '../../src/device/sdk/index.ts'
import { SimDevice } from '../people/device.ts'
import { deal } from '../people/market.ts'
import { newestPolicy } from '../promises/policies.ts'
import type { Operation } from './operation.ts'
import { limitsOf } from './policy.ts'

/**
 * Somebody copies a till with its key: two devices have one name and one history, and take payments under the same numbers. What
 * the till takes from now on may be what is refused, so it is doubtful; what it had told of before a receipt covers or not.
 */
export const cloneTill: Operation = {
  weight: 0.2,
  async run(world, device, random) {
    const facts = { ...device.facts, privateKey: device.privateKey }
    const clone = new SimDevice(world.scheduler, random, facts, device.network, world.coverage)
    clone.disk = new Map(device.disk)
    device.copied()
    for (const [localId, told] of device.told) if (!world.receipts.covers(localId)) told.isDoubtful = true
    await clone.restart()
    const took: string[] = []
    for (let payments = random.between(1, 3); payments > 0; payments--) {
      const terms = deal(random, facts.wallet, limitsOf(newestPolicy(world.edge, facts.country)))
      try {
        took.push((await clone.sdk.createOfflineTransaction(terms)).localId)
      } catch (error) {
        if (!(error instanceof OfflineError)) throw error
      }
    }
    const { status, error } = await clone.sdk.syncNow()
    clone.life.end()
    world.faults.count('device_copied', device.id)
    return `is copied; the copy takes ${took.join(', ') || 'nothing'} and syncs: ${error?.code ?? status}`
  },
}
