import { BundleCarrier } from '../../src/device/relay/index.ts'
import { memoryStorage, OfflineError } from '../../src/device/sdk/index.ts'
import type { Operation } from './operation.ts'
import { alive } from './take.ts'

const sync: Operation = {
  weight: 8,
  async run(_world, device) {
    await alive(device)
    const { status, bundles, unsynced, error } = await device.sdk.syncNow()
    return `syncs: ${status}, ${bundles} bundles receipted, ${unsynced} payments left${error ? ` (${error.code})` : ''}`
  },
}

/** Another phone carries a bundle to the edge and the receipt back. */
const relay: Operation = {
  weight: 1.5,
  async run(world, device, random) {
    await alive(device)
    const carrierPhone = random.pick(world.devices.filter((one) => one !== device))
    try {
      const sealed = await device.sdk.sealForRelay()
      if (sealed === undefined) return 'has nothing to be carried'
      const { scheduler } = world
      const carrier = new BundleCarrier({
        apiUrl: world.apiUrl,
        storage: memoryStorage(),
        deviceId: carrierPhone.id,
        fetch: carrierPhone.network.fetch,
        clock: { nowMs: () => scheduler.nowMs, monotonicMs: () => scheduler.monotonicMs },
      })
      await carrier.carry(sealed.bytes)
      await scheduler.sleep(random.next() ** 2 * CARRIED_MS_MAX)
      const { delivered, refused } = await carrier.pushCarried()
      if (delivered === 0)
        return `gives a bundle to ${carrierPhone.id}, which ${refused > 0 ? 'is refused' : 'does not arrive'}`
      const [carried] = await carrier.list()
      if (carried?.state.status !== 'delivered' || device.life.isOver)
        return `has a bundle carried by ${carrierPhone.id}`
      const taken = await device.sdk.acceptRelayedReceipt(carried.state.receipt)
      return `gets a receipt for ${taken.length} payments back from ${carrierPhone.id}`
    } catch (error) {
      if (!(error instanceof OfflineError)) throw error
      return `cannot have a bundle carried: ${error.code}`
    }
  },
}
const CARRIED_MS_MAX = 10 * 3_600_000

const loseNetwork: Operation = {
  weight: 2,
  async run({ scheduler }, device, random) {
    device.network.isUp = false
    scheduler.after(random.next() ** 2 * 5 * 3_600_000, () => {
      device.network.isUp = true
    })
    return 'has no network'
  },
}

export const contact = { sync, relay, loseNetwork }
