import { DATABASE_FAULTS } from '../book/faults.ts'
import { EDGE_FAULTS } from '../cloudflare/faults.ts'
import type { Faults } from './faults.ts'

/** What the way between devices and edge does wrong, asked at each request. */
const NETWORK_FAULTS = ['request_lost', 'answer_lost', 'request_repeated', 'answer_stale'] as const
/** What strikes devices; counted where an operation makes it happen. */
const DEVICE_FAULTS = [
  'device_died',
  'clock_set',
  'backup_restored',
  'storage_lost',
  'device_copied',
  'key_lost',
] as const
/** A reconciler dies beside a step of its own: before or after a COMMIT, a pull, a call to the edge. */
const RECONCILER_FAULTS = ['reconciler_died'] as const
/** What happens at a moment (moments.ts). */
export const MOMENT_FAULTS = ['reconciler_killed'] as const

/** What a plan may put in: most get a time and a chance, and whatever asks for them then meets them. */
export const PLANNED_FAULTS = [
  ...NETWORK_FAULTS,
  ...EDGE_FAULTS,
  ...DATABASE_FAULTS,
  ...RECONCILER_FAULTS,
  ...MOMENT_FAULTS,
] as const
export type PlannedFaultKind = (typeof PLANNED_FAULTS)[number]
export const ALL_FAULTS = [...PLANNED_FAULTS, ...DEVICE_FAULTS] as const
export type FaultKind = (typeof ALL_FAULTS)[number]
export type AllFaults = Faults<FaultKind>
