import { type Amount, isNothing, minus, sum } from './amount.ts'
import { type EdgeSide, isAsked } from './edge-received.ts'
import type { OpenBundle } from './open-bundles.ts'
import type { Group } from './report.ts'

/** Bundles of one device, at the edge and here. */
export interface DeviceCount {
  readonly deviceId: string
  readonly settled: number
  readonly open: number
  readonly atEdge?: number
  /** At the edge and not here: still owed by the device's object, or in the queue. */
  readonly notArrived?: number
}

/** What one device's bundles held in one currency that the edge did not refuse, by the edge and by the book. */
export interface Disagreement {
  readonly deviceId: string
  readonly currency: string
  readonly atEdge: Amount
  readonly here: Amount
  /** Bundles that are still sealed here, or on their way in either direction; undefined when there are none. */
  readonly why?: 'not settled yet' | 'not arrived yet' | 'not in the edge’s read model yet'
}

/** Bundles of each device, here and by the edge's word. */
export function countDevices(
  settled: ReadonlyMap<string, number>,
  open: readonly OpenBundle[],
  edge: EdgeSide,
): readonly DeviceCount[] {
  const atEdge = isAsked(edge) ? bundlesByDevice(edge) : undefined
  const waiting = Map.groupBy(open, ({ deviceId }) => deviceId)
  const ids = new Set([...settled.keys(), ...waiting.keys(), ...(atEdge?.keys() ?? [])])
  return [...ids].sort(compare).map((deviceId) => {
    const here = { deviceId, settled: settled.get(deviceId) ?? 0, open: waiting.get(deviceId)?.length ?? 0 }
    if (atEdge === undefined) return here
    const there = atEdge.get(deviceId) ?? 0
    return { ...here, atEdge: there, notArrived: there - here.settled - here.open }
  })
}

/** A device whose policy changed its currency during the day comes once for each. */
function bundlesByDevice({ devices }: Extract<EdgeSide, { asked: true }>): ReadonlyMap<string, number> {
  const bundles = new Map<string, number>()
  for (const one of devices) bundles.set(one.deviceId, (bundles.get(one.deviceId) ?? 0) + one.bundles)
  return bundles
}

/** The edge's sums of what it admitted against the book's, device by device and currency by currency. */
export function compareAdmitted(
  groups: readonly Group[],
  edge: Extract<EdgeSide, { asked: true }>,
  devices: readonly DeviceCount[],
): readonly Disagreement[] {
  const keyOf = (deviceId: string, currency: string) => `${deviceId}/${currency}`
  const admitted = groups.filter(wasAdmitted)
  const here = Map.groupBy(admitted, ({ device_id, currency }) => keyOf(device_id, currency))
  const there = new Map(edge.devices.map((one) => [keyOf(one.deviceId, one.currency), one.admitted]))
  const counts = new Map(devices.map((one) => [one.deviceId, one]))
  return [...new Set([...here.keys(), ...there.keys()])].sort(compare).flatMap((key) => {
    const [deviceId = '', currency = ''] = key.split('/')
    const [atEdge, posted] = [there.get(key) ?? NOTHING, sum(here.get(key) ?? [])]
    if (isNothing(minus(atEdge, posted))) return []
    const why = reasonFor(counts.get(deviceId))
    return [{ deviceId, currency, atEdge, here: posted, ...(why !== undefined && { why }) }]
  })
}

const NOTHING: Amount = { count: 0, minor: 0 }

/** Refused is the edge's word alone, except for what people rejected. */
const wasAdmitted = ({ status, reason }: Group) => status !== 'refused' || reason === 'reviewer_rejected'

function reasonFor({ open = 0, notArrived = 0 }: Partial<DeviceCount> = {}): Disagreement['why'] {
  if (open > 0) return 'not settled yet'
  if (notArrived > 0) return 'not arrived yet'
  return notArrived < 0 ? 'not in the edge’s read model yet' : undefined
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
