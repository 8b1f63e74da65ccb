import { pause } from '../drain.ts'
import type { Bench } from './bench.ts'
import type { Comparison } from './comparison.ts'

/** Devices that are asked, and how long one may still owe something once all is shown. */
const ASKED = 50
const PATIENCE_MS = 5000

/** Asks objects of the edge what they owe: proof that "drained" was true. @returns how many still owe something */
export async function stillOwing(bench: Bench, { edge, devices }: Comparison): Promise<number> {
  const headers = { authorization: `Bearer ${bench.world.token}` }
  const owes = async (id: string): Promise<boolean> => {
    const answer = await fetch(`${edge.url}/offline/devices/${id}`, { headers })
    const { owed } = (await answer.json()) as { owed: { oldest_at: number | null } }
    return owed.oldest_at !== null
  }
  const deadline = performance.now() + PATIENCE_MS
  for (;;) {
    const owing = await Promise.all(devices.slice(0, ASKED).map(({ id }) => owes(id)))
    const count = owing.filter(Boolean).length
    if (count === 0 || performance.now() > deadline) return count
    await pause(100)
  }
}
