import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import type { MOMENT_FAULTS } from './kinds.ts'

/** How long a reconciler that died stays away at the most. */
const AWAY_MS_MAX = 2 * 3_600_000

/** Faults that happen at a moment. */
export const MOMENTS: Readonly<Record<(typeof MOMENT_FAULTS)[number], (world: World, random: Random) => void>> = {
  reconciler_killed({ reconcilers, faults, scheduler }, random) {
    const reconciler = random.pick(reconcilers)
    reconciler.kill()
    faults.count('reconciler_killed', reconciler.name)
    scheduler.after(random.next() ** 2 * AWAY_MS_MAX, () => reconciler.isAlive || reconciler.start())
  },
}
