import { ALLOWANCE } from './allowances.ts'
import { DEVICE } from './device.ts'
import { EDGE } from './edge.ts'
import { LEDGER } from './ledger.ts'
import type { Mutant } from './mutant.ts'
import { DEVICE_OBJECT } from './object.ts'
import { PROTOCOL } from './protocol.ts'
import { RECONCILER } from './reconciler.ts'

/** All faults that can be planted. To add one: put it where it sits, with the promise that it breaks. */
export const MUTANTS: readonly Mutant[] = [
  ...PROTOCOL,
  ...DEVICE,
  ...EDGE,
  ...DEVICE_OBJECT,
  ...RECONCILER,
  ...LEDGER,
  ...ALLOWANCE,
]
