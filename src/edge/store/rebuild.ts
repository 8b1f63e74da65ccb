import { deviceStub, type Env } from '../env.ts'
import { expectDevice } from './countries.ts'
import type { ShownFrom, ShownPart } from './index-message.ts'
import { type Changed, markDeviceRebuilt, rebuildPart } from './rebuild-part.ts'

/** One piece of making again what the read model shows of a device. */
export interface Rebuild {
  readonly deviceId: string
  /** Of the whole act, chosen by who asks: under it the act is written down once. */
  readonly run: string
  /** Who asks, for the audit. */
  readonly by: string
  readonly from: ShownFrom
  /** What the pieces before it have changed. */
  readonly before: Changed
}

export interface Rebuilt extends Changed {
  /** The object knows itself; rows of a device that there is not are taken away. */
  readonly isRegistered: boolean
  /** Where the next piece begins; null when all of it is done. */
  readonly next: ShownFrom | null
}

/** Parts of one piece: some hundred milliseconds. */
const PARTS_MAX = 20
/** Larger than any number of a device. */
const END = Number.MAX_SAFE_INTEGER
const NOTHING = { device: null, bundles: [], audit: [], auditId: 0, next: null }

/**
 * Makes the read model's rows of a device what its object says, whatever they were: missing, falsified, or of nobody. The object
 * may change meanwhile, and a newer row be there already, which this one replaces: so the object hears after each part what
 * was written, and owes again what it has moved on from. Dying between the two leaves that to the same piece again. It may be
 * repeated at any time.
 *
 * @throws what D1 or the object throws; what was done is done
 */
export async function rebuildDevice(
  env: Pick<Env, 'DB' | 'DEVICE' | 'COUNTRY'>,
  { deviceId, run, by, from, before }: Rebuild,
  nowMs: number,
): Promise<Rebuilt> {
  let place = from
  let { removed, written } = before
  const object = () => deviceStub(env, deviceId)
  for (let parts = 0; parts < PARTS_MAX; parts++) {
    const answer = await object().shownRows(place)
    const part: Omit<ShownPart, 'device'> & { device: ShownPart['device'] | null } = answer.ok
      ? (answer.value as ShownPart)
      : NOTHING
    const { device, bundles, audit, auditId, next } = part
    if (device !== null) await expectDevice(env, device.country, deviceId)
    const to = next ?? { seq: END, auditId: END }
    const places = { seqs: [place.seq, to.seq], auditIds: [place.auditId, to.auditId] } as const
    const changed = await rebuildPart(env.DB, { deviceId, device, bundles, audit, ...places })
    removed += changed.removed
    written += changed.written
    if (device === null) return { isRegistered: false, removed, written, next: null }
    const shown = bundles.map(({ seq, rev }) => [seq, rev] as const)
    await object().rebuilt({ from: place, to, deviceRev: device.rev, bundles: shown, auditId })
    if (next === null) {
      await markDeviceRebuilt(env.DB, deviceId, nowMs)
      await object().noteRebuilt({ actor: by, requestId: run }, { removed, written })
      return { isRegistered: true, removed, written, next }
    }
    place = next
  }
  return { isRegistered: true, removed, written, next: place }
}
