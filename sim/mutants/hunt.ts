import type { SimOptions } from '../options.ts'
import { runOnThreads } from '../threads.ts'
import { MUTANTS } from './all.ts'
import type { Mutant } from './mutant.ts'

/** What became of a planted fault. */
export interface Hunted {
  readonly mutant: Mutant
  /** The first seed that shows it, and what it broke. */
  readonly seed?: number
  readonly broken?: string
}

/**
 * Plants each fault and looks for a seed that shows it. A seed that also fails without the fault shows nothing.
 *
 * @param told of each as it is found, or not
 */
export async function hunt(
  { seeds, fromSeed, jobs, ...options }: SimOptions,
  only: string | undefined,
  told: (hunted: Hunted) => void,
): Promise<readonly Hunted[]> {
  const hunted: Hunted[] = []
  for (const mutant of MUTANTS.filter(({ name }) => only === undefined || name === only)) {
    const { operations, faults } = sizeOf(mutant, options)
    const job = { ...options, tier: mutant.tier, operations, faults, realEvery: 0, mutant: mutant.name }
    let next = fromSeed
    const known = mutant.seed === undefined ? [] : [mutant.seed]
    let found: Hunted = { mutant }
    const isOver = () => found.seed !== undefined || next >= fromSeed + seeds
    await runOnThreads(
      job,
      jobs,
      () => (isOver() ? undefined : (known.pop() ?? next++)),
      ({ seed, broken: [broken] }) => {
        if (broken !== undefined && found.seed === undefined) found = { mutant, seed, broken }
      },
    )
    hunted.push(found)
    told(found)
  }
  return hunted
}

const sizeOf = ({ tier }: Mutant, { operations, faults }: Pick<SimOptions, 'operations' | 'faults'>) =>
  tier === 'deep' ? { operations: Math.max(operations, 60), faults } : { operations, faults }
