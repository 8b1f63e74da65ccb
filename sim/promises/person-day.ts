import { isPayment } from '../../src/protocol/payment.ts'
import type { World } from '../world.ts'
import { type AdmittedDevice, firstEntries } from './admitted.ts'
import type { PolicyRow } from './policies.ts'

const DAY_MS = 86_400_000
/** Isolates of the edge may go on with a version for as long after there is a newer one. */
const STALE_MS = 60_000

interface Alone {
  readonly actor: string
  readonly atMs: number
  readonly amount: number
  readonly country: string
}

/**
 * One person decides so much in a day, over all devices and whatever the single amounts; and who gave a device its key decides
 * nothing about it. Days are UTC.
 */
export function onePersonDecides(
  { edge }: World,
  devices: readonly AdmittedDevice[],
  policies: ReadonlyMap<string, PolicyRow>,
): string[] {
  const alone: Alone[] = []
  const wrong: string[] = []
  for (const { id, bundles } of devices) {
    const [facts] = edge.objects.read(id, 'SELECT country FROM device')
    const gaveKey = new Set(
      edge.objects
        .read(id, "SELECT actor FROM audit WHERE action IN ('device_registered', 'key_rotated') AND actor <> 'device'")
        .map(({ actor }) => String(actor)),
    )
    const entries = firstEntries(bundles)
    for (const { choices, actors, at } of edge.objects.read(id, 'SELECT choices, actors, at FROM resolutions')) {
      const people = JSON.parse(String(actors)) as readonly string[]
      const decided = JSON.parse(String(choices)) as readonly (readonly [number, string])[]
      // What ended by time or with its device nobody decided.
      if (decided.some(([, choice]) => choice === 'expire' || choice === 'revoke')) continue
      for (const actor of people) if (gaveKey.has(actor)) wrong.push(`${actor} registered ${id}, and decided about it`)
      const [actor] = people
      if (people.length !== 1 || actor === undefined) continue
      for (const [counter] of decided) {
        const entry = entries.get(counter)?.[0]
        if (entry === undefined || !isPayment(entry)) continue
        alone.push({ actor, atMs: Number(at), amount: entry.amount, country: String(facts?.['country']) })
      }
    }
  }
  const days = Map.groupBy(alone, ({ actor, atMs }) => `${actor} ${Math.floor(atMs / DAY_MS)}`)
  for (const ofDay of days.values()) {
    let sum = 0
    for (const { actor, atMs, amount, country } of ofDay.toSorted((a, b) => a.atMs - b.atMs)) {
      sum += amount
      const most = mostAt([...policies.values()], country, atMs)
      if (sum > most) wrong.push(`${actor} alone has decided about ${sum} F in a day, of ${most} F`)
    }
  }
  return wrong
}

/** The highest that the edge may have judged by then. */
function mostAt(policies: readonly PolicyRow[], country: string, atMs: number): number {
  const own = policies.filter((policy) => policy.country === country).toSorted((a, b) => a.version - b.version)
  const inForce = own.filter(({ effective_at }, i) => {
    const next = own[i + 1]
    return effective_at <= atMs && (next === undefined || next.effective_at > atMs - STALE_MS)
  })
  return Math.max(...inForce.map((policy) => policy.person_daily_value))
}
