import { deviceId as asDeviceId } from '../../protocol/ids.ts'
import type { Policy } from '../../protocol/policy.ts'
import { add, type Compared, judgeAgain, type PastBundle, type PastDevice } from './dry-run.ts'

/**
 * One call of a dry run: it takes device by device, each of them whole, until it has read as many bundles as it may, and
 * says where the next call goes on.
 */
const BUNDLES_PER_DEVICE_MAX = 2_000
const BUNDLES_PER_READ = 100
const DEVICES_PER_READ = 50

export interface FoundDevice {
  readonly deviceId: string
  readonly registeredAtMs: number
}

export interface FoundBundle {
  readonly bundleId: string
  readonly receivedAtMs: number
  /** Undefined when no key opens it. */
  readonly opened: PastBundle | undefined
}

type Place = Pick<FoundBundle, 'receivedAtMs' | 'bundleId'>

/** What is read on the way, in order. */
export interface PastReads {
  /** Devices with bundles in the days asked for; more than `limit` when there are more. */
  devicesAfter(deviceId: string | undefined, limit: number): Promise<readonly FoundDevice[]>
  bundlesAfter(deviceId: string, place: Place, limit: number): Promise<readonly FoundBundle[]>
  /**
   * Payments out of the owner's wallet need no other proof while there is consent, so both must be known. Undefined for a
   * device that has no object: rows of the read model are not believed, and what they show of it cannot be judged.
   */
  owner(deviceId: string): Promise<Omit<PastDevice, 'deviceId' | 'registeredAtMs'> | undefined>
}

export interface AskedPart {
  readonly policy: Policy
  /** Bundles from here on are compared. */
  readonly fromMs: number
  /** Bundles from here on fill the days that those count towards. */
  readonly sinceMs: number
  /** Bundles; the device that reaches it is judged whole. */
  readonly limit: number
  /** The last device of the part before. */
  readonly after: string | undefined
}

export async function dryRunPart({ policy, fromMs, sinceMs, limit, after }: AskedPart, reads: PastReads) {
  const total = new Map<string, Compared>()
  const seen = { devices: 0, bundles: 0, unopenable: 0, cut_devices: 0 }
  let read = 0
  let last = after
  let isEnd = false
  while (!isEnd && read < limit) {
    const found = await reads.devicesAfter(last, DEVICES_PER_READ)
    isEnd = found.length <= DEVICES_PER_READ
    for (const { deviceId, registeredAtMs } of found.slice(0, DEVICES_PER_READ)) {
      if (read >= limit) {
        isEnd = false
        break
      }
      last = deviceId
      const past = await pastBundles(reads, deviceId, sinceMs, fromMs)
      const owner = await reads.owner(deviceId)
      if (owner !== undefined) {
        const device = { ...owner, deviceId: asDeviceId(deviceId), registeredAtMs }
        for (const compared of judgeAgain(policy, device, past.bundles, fromMs).values()) add(total, compared)
      }
      seen.devices++
      seen.bundles += past.inWindow
      seen.unopenable += owner === undefined ? past.inWindow : past.unopenable
      read += past.read
      if (past.isCut) seen.cut_devices++
    }
  }
  return { ...seen, payments: [...total.values()], next: isEnd ? undefined : last }
}

/** Bundles of a device since a time; of those from `fromMs` on, how many there are, and how many no key opens. */
async function pastBundles(reads: PastReads, deviceId: string, sinceMs: number, fromMs: number) {
  const bundles: PastBundle[] = []
  const past = { bundles, read: 0, inWindow: 0, unopenable: 0, isCut: true }
  let place: Place = { receivedAtMs: sinceMs, bundleId: '' }
  while (past.read < BUNDLES_PER_DEVICE_MAX) {
    const found = await reads.bundlesAfter(deviceId, place, BUNDLES_PER_READ)
    for (const { bundleId, receivedAtMs, opened } of found) {
      const isInWindow = receivedAtMs >= fromMs
      if (opened !== undefined) bundles.push(opened)
      else if (isInWindow) past.unopenable++
      if (isInWindow) past.inWindow++
      place = { receivedAtMs, bundleId }
    }
    past.read += found.length
    if (found.length < BUNDLES_PER_READ) return { ...past, isCut: false }
  }
  return past
}
