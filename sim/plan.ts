import { PLANNED_FAULTS, type PlannedFaultKind } from './faults/kinds.ts'
import { OPERATIONS, type OperationKind } from './operations/all.ts'
import type { Random } from './time/random.ts'

/** What a run does, made from its seed before it begins: so that parts of it can be left out, to find what is needed for a failure. */
export interface Plan {
  readonly devices: number
  readonly reconcilers: number
  readonly operations: readonly PlannedOperation[]
  readonly faults: readonly PlannedFault[]
  /** When people stop and faults end, milliseconds after the beginning. */
  readonly endMs: number
}

export interface PlannedOperation {
  /** Names its stream of chance, whatever else is left out. */
  readonly no: number
  readonly atMs: number
  readonly kind: OperationKind
  /** Index of the device. */
  readonly device: number
}

/** A time in which something fails, or a moment at which something dies. */
export interface PlannedFault {
  readonly no: number
  readonly kind: PlannedFaultKind
  readonly fromMs: number
  readonly toMs: number
  readonly probability: number
}

export interface PlanOptions {
  readonly operations: number
  readonly faults: number
}

/** People come in bursts, with pauses of minutes to hours between them. */
const PAUSE_MS = { burst: 5_000, later: 4 * 3_600_000 }
const FAULT_MS_MAX = 2 * 3_600_000

export function makePlan(random: Random, { operations: count, faults: faultCount }: PlanOptions): Plan {
  const devices = random.between(2, 4)
  const chance = random.stream('operations')
  const weights = Object.fromEntries(Object.entries(OPERATIONS).map(([kind, { weight }]) => [kind, weight]))
  const operations: PlannedOperation[] = []
  let atMs = 60_000
  for (let no = 1; no <= count; no++) {
    atMs += chance.chance(0.8) ? chance.next() * PAUSE_MS.burst : chance.next() ** 2 * PAUSE_MS.later
    const kind = chance.weighted(weights as Record<OperationKind, number>)
    operations.push({ no, atMs: Math.floor(atMs), kind, device: chance.between(0, devices - 1) })
  }
  const endMs = Math.floor(atMs) + 60_000
  const strikes = random.stream('faults')
  const faults = Array.from({ length: faultCount }, (_, index): PlannedFault => {
    // Near an operation: most of the time nothing is under way that could fail.
    const fromMs = strikes.pick(operations).atMs - strikes.between(0, 2_000)
    const kind = strikes.pick(PLANNED_FAULTS)
    const probability = strikes.pick([0.05, 0.2, 0.5, 1])
    return { no: index + 1, kind, fromMs, toMs: fromMs + Math.floor(strikes.next() ** 3 * FAULT_MS_MAX), probability }
  })
  return { devices, reconcilers: 2, operations, faults, endMs }
}
