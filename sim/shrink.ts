import type { Plan } from './plan.ts'
import { type Outcome, type RunOptions, runSeed } from './run.ts'

/** Runs that are spent on making a failure smaller. */
const RUNS_MAX = 300

/**
 * Leaves out parts of a plan for as long as the same promise is still broken: halves first, then quarters, down to single
 * operations and faults (delta debugging, Zeller 2002). Each part has a stream of chance of its own, so what is left does what
 * it did before.
 */
export async function shrink(outcome: Outcome, options: RunOptions, told: (left: number) => void): Promise<Outcome> {
  let best = outcome
  let runs = 0
  const stillFails = async (plan: Plan): Promise<boolean> => {
    if (++runs > RUNS_MAX) return false
    const tried = await runSeed(outcome.seed, { ...options, plan })
    if (kindOf(tried) !== kindOf(outcome)) return false
    best = tried
    told(plan.operations.length + plan.faults.length)
    return true
  }
  for (const part of ['faults', 'operations'] as const) {
    for (
      let size = Math.ceil(best.plan[part].length / 2);
      size >= 1 && runs < RUNS_MAX;
      size = size === 1 ? 0 : Math.ceil(size / 2)
    ) {
      for (let from = 0; from < best.plan[part].length; ) {
        const kept = best.plan[part].filter((_, index) => index < from || index >= from + size)
        if (!(await stillFails({ ...best.plan, [part]: kept }))) from += size
      }
    }
  }
  return best
}

/** What is broken, whoever it is and how much. */
function kindOf({ broken: [first] }: Outcome): string | undefined {
  return first
    ?.split('\n')[0]
    ?.replaceAll(/[0-9A-HJKMNP-TV-Z]{26}/g, '#')
    .replaceAll(/\d+/g, '#')
}
