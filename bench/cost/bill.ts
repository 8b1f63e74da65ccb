import {
  ALARMS_PER_PUSH,
  COUNTED,
  type Counted,
  EDGE_CPU,
  OBJECT_CALL_MS,
  OBJECT_GB,
  OBJECT_TIMER_MS,
  POSTGRES_CPU,
  PUSHES_PER_CALL,
  RECONCILER_CPU,
} from './operations.ts'
import { HOST_USE, PRICES, type Price } from './prices.ts'

/** What a million payments cost, and what of it is what. */
export interface Item {
  readonly price: Price
  /** Units for a million payments. */
  readonly units: number
  readonly usd: number
}

export const PAYMENTS = 1_000_000
/** Queues bills a message when it is written, read, and deleted. */
const OPERATIONS_PER_MESSAGE = 3

/**
 * @param bundleOf payments in each bundle
 * @returns the dearest first
 */
export function billOf(bundleOf: number): readonly Item[] {
  const pushes = PAYMENTS / bundleOf
  const cpu = (spent: typeof EDGE_CPU) => pushes * spent.perPushMs + PAYMENTS * spent.perPaymentMs
  const calls = counted(/^call\./) + ALARMS_PER_PUSH
  const requests = counted(/^worker\.requests$/)
  const item = (price: Price, units: number): Item => ({ price, units, usd: (units / 1_000_000) * price.usdPerMillion })
  const items = [
    item(PRICES.workerRequest, pushes * requests),
    item(PRICES.workerCpuMs, cpu(EDGE_CPU)),
    // Each invocation is an event beside the lines that it writes.
    item(PRICES.logEvent, pushes * (requests + counted(/^log\.lines$/))),
    item(PRICES.objectRequest, pushes * calls),
    item(PRICES.objectGbS, pushes * OBJECT_GB * ((calls * OBJECT_CALL_MS + OBJECT_TIMER_MS) / 1000)),
    item(PRICES.objectRowWritten, pushes * (counted(/^sql\.rowsWritten$/) + ALARMS_PER_PUSH)),
    item(PRICES.d1RowWritten, pushes * counted(/^d1\.rowsWritten$/)),
    item(PRICES.d1RowRead, pushes * counted(/^d1\.rowsRead$/)),
    item(PRICES.queueOperation, pushes * OPERATIONS_PER_MESSAGE * counted(/^queue\..*\.messages$/)),
    item(PRICES.nodeMs, cpu(RECONCILER_CPU) / HOST_USE),
    item(PRICES.postgresMs, cpu(POSTGRES_CPU) / HOST_USE),
  ]
  return items.toSorted((a, b) => b.usd - a.usd)
}

export const totalOf = (items: readonly Item[]): number => items.reduce((sum, { usd }) => sum + usd, 0)

/** @returns how often a push does what has such a name */
function counted(name: RegExp): number {
  const all: readonly (readonly [string, Counted])[] = Object.entries(COUNTED)
  const each = ({ perPush, perCall = 0 }: Counted) => perPush + perCall / PUSHES_PER_CALL
  return all.reduce((sum, [what, of]) => sum + (name.test(what) ? each(of) : 0), 0)
}
