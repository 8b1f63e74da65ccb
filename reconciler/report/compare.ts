import { type Amount, isNothing, minus, sum } from './amount.ts'
import { type EdgeBundle, type EdgeSide, isAsked } from './edge-received.ts'
import type { OpenBundle } from './open-bundles.ts'

/** Bundles of one device, at the edge and here. */
export interface DeviceCount {
  readonly deviceId: string
  readonly settled: number
  readonly open: number
  readonly atEdge?: number
  /** At the edge and not here: still owed by the device's object, or in the queue. */
  readonly notArrived?: number
}

/** A bundle that is in the book, and what it held that the edge did not refuse. */
export interface SettledBundle extends Amount {
  readonly device_id: string
  readonly bundle_id: string
  /** A bundle has one; null when nothing of it was admitted. */
  readonly currency: string | null
}

type Why = 'not settled yet' | 'not arrived yet' | 'not in the edge’s read model yet'

/** Bundles of one device and currency whose admitted payments the edge and the book do not both have alike. */
export interface Disagreement {
  readonly deviceId: string
  readonly currency: string
  /** The first of them. */
  readonly bundleIds: readonly string[]
  readonly bundles: number
  readonly atEdge: Amount
  readonly here: Amount
  /** What they are on the way to; undefined when nothing explains it. */
  readonly why?: Why
}

/** Both sides of a day. */
export interface Sides {
  readonly settled: readonly SettledBundle[]
  readonly open: readonly OpenBundle[]
  readonly edge: EdgeSide
}

/** Bundles of each device, here and by the edge's word. */
export function countDevices({ settled, open, edge }: Sides): readonly DeviceCount[] {
  const here = countBy(settled, ({ device_id }) => device_id)
  const waiting = countBy(open, ({ deviceId }) => deviceId)
  const there = isAsked(edge) ? countBy(edge.bundles, ({ deviceId }) => deviceId) : undefined
  const ids = new Set([...here.keys(), ...waiting.keys(), ...(there?.keys() ?? [])])
  return [...ids].sort(compare).map((deviceId) => {
    const counts = { deviceId, settled: here.get(deviceId) ?? 0, open: waiting.get(deviceId) ?? 0 }
    if (there === undefined) return counts
    const atEdge = there.get(deviceId) ?? 0
    return { ...counts, atEdge, notArrived: atEdge - counts.settled - counts.open }
  })
}

/**
 * The edge's word about each bundle against the book's. What is on its way explains its own bundle and no other one.
 *
 * @param isLate whether whatever is on its way has had its time: then that explains nothing
 */
export function compareBundles({ settled, open, edge }: Sides, isLate: boolean): readonly Disagreement[] {
  if (!isAsked(edge)) return []
  const here = new Map(settled.map((bundle) => [keyOf(bundle.device_id, bundle.bundle_id), bundle]))
  const waiting = new Set(open.map(({ deviceId, bundleId }) => keyOf(deviceId, bundleId)))
  const there = new Map(edge.bundles.map((bundle) => [keyOf(bundle.deviceId, bundle.bundleId), bundle]))
  const soon = (why: Why) => (isLate ? undefined : why)
  const differing = [...there].flatMap(([key, bundle]): One[] => {
    const own = here.get(key)
    if (own === undefined) {
      const why = waiting.has(key) ? 'not settled yet' : soon('not arrived yet')
      return [{ ...nameOf(bundle), atEdge: bundle.admitted, here: NOTHING, why }]
    }
    const same = (own.currency ?? bundle.currency) === bundle.currency && isNothing(minus(bundle.admitted, own))
    return same ? [] : [{ ...nameOf(bundle), atEdge: bundle.admitted, here: own, why: undefined }]
  })
  const unknown = [...here].flatMap(([key, own]): One[] => {
    if (there.has(key)) return []
    const name = { deviceId: own.device_id, bundleId: own.bundle_id, currency: own.currency ?? '-' }
    return [{ ...name, atEdge: NOTHING, here: own, why: soon('not in the edge’s read model yet') }]
  })
  return grouped([...differing, ...unknown])
}

interface One {
  readonly deviceId: string
  readonly bundleId: string
  readonly currency: string
  readonly atEdge: Amount
  readonly here: Amount
  readonly why: Why | undefined
}

const NAMED_MAX = 5

function grouped(all: readonly One[]): readonly Disagreement[] {
  const groups = Map.groupBy(all, ({ deviceId, currency, why }) => `${deviceId}/${currency}/${why ?? ''}`)
  return [...groups]
    .sort(([a], [b]) => compare(a, b))
    .map(([, own]) => {
      const { deviceId, currency, why } = own[0] as One
      return {
        deviceId,
        currency,
        bundleIds: own.slice(0, NAMED_MAX).map(({ bundleId }) => bundleId),
        bundles: own.length,
        atEdge: sum(own.map(({ atEdge }) => atEdge)),
        here: sum(own.map(({ here }) => here)),
        ...(why !== undefined && { why }),
      }
    })
}

const NOTHING: Amount = { count: 0, minor: 0 }
const keyOf = (deviceId: string, bundleId: string) => `${deviceId}/${bundleId}`
const nameOf = ({ deviceId, bundleId, currency }: EdgeBundle) => ({ deviceId, bundleId, currency })

function countBy<T>(items: readonly T[], of: (item: T) => string): ReadonlyMap<string, number> {
  return new Map([...Map.groupBy(items, of)].map(([key, own]) => [key, own.length]))
}

const compare = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)
