import type { SimDevice } from '../people/device.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import type { Operation } from './operation.ts'

/** Storage calls that a process may still make before it dies. */
const CALLS_MAX = 25

const die: Operation = {
  weight: 3,
  async run({ faults }, device, random) {
    const calls = random.between(0, CALLS_MAX)
    device.life.endAfter(calls, () => {
      faults.count('device_died', device.id)
    })
    return `will die after ${calls} more storage calls`
  },
}

const switchOn: Operation = {
  weight: 2,
  async run(_world, device) {
    await device.restart()
    return `is switched on: ${device.sdk.state.status}, ${device.sdk.state.unsynced} unsynced`
  },
}

const setClock: Operation = {
  weight: 1,
  async run({ faults }, device, random) {
    device.skewMs = random.chance(0.25) ? 0 : skew(random)
    faults.count('clock_set', device.id)
    return `has its clock set ${device.skewMs >= 0 ? 'ahead' : 'back'} by ${Math.round(Math.abs(device.skewMs) / 60_000)} min`
  },
}

function skew(random: Random): number {
  const unit = random.pick([60_000, 3_600_000, 86_400_000])
  return random.between(-4, 4) * unit + random.between(-1000, 1000)
}

/** The phone is set back to a backup that somebody made before; what it took since is on no disk any more. */
const restoreBackup: Operation = {
  weight: 0.8,
  async run(world, device) {
    const backup = world.backups.get(device.id)
    if (backup === undefined) {
      for (const { id, disk } of world.devices) world.backups.set(id, new Map(disk))
      return 'is backed up, and so are all others'
    }
    world.backups.delete(device.id)
    await setBack(world, device, backup)
    world.faults.count('backup_restored', device.id)
    return 'is set back to its backup'
  },
}

/** The storage is lost altogether; the key, which is in hardware, is not. */
const loseStorage: Operation = {
  weight: 0.6,
  async run(world, device) {
    await setBack(world, device, new Map())
    world.faults.count('storage_lost', device.id)
    return 'loses its storage'
  },
}

export async function setBack(
  { receipts, scheduler }: World,
  device: SimDevice,
  disk: Map<string, string>,
): Promise<void> {
  device.life.end()
  device.disk = disk
  if (!device.isCopied) device.setBackAtMs = scheduler.nowMs
  device.beganAnew ||= !receipts.has(device.id)
  for (const [localId, told] of device.told) {
    told.mayBeForgotten = true
    // A void was on that disk only, too.
    if (told.isVoided) [told.isVoided, told.mayBeVoided] = [false, true]
    // What a receipt covers the edge has. What no receipt covers was on that disk only.
    if (!receipts.covers(localId)) told.isGone = true
  }
  await device.restart()
}

export const accidents = { die, switchOn, setClock, restoreBackup, loseStorage }
