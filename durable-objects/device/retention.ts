import type { BundleStatus } from '../../src/protocol/states.ts'
import { DAY_MS } from '../../src/protocol/time.ts'

/**
 * How long the read model shows a bundle after it was settled: as long as a reversal may come. Its object, the bucket and the
 * book keep it. Pure.
 */
export const SHOWN_MS = 90 * DAY_MS

const OPEN: ReadonlySet<BundleStatus> = new Set(['pushed', 'processing', 'claimed', 'review', 'quarantined'])

/** Whether the read model need not show it any more. */
export const hasLeft = (
  { status, updatedAtMs }: { readonly status: BundleStatus; readonly updatedAtMs: number },
  nowMs: number,
): boolean => !OPEN.has(status) && updatedAtMs < nowMs - SHOWN_MS
