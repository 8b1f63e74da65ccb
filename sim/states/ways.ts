import type { Machine } from './coverage.ts'

/**
 * The ways from state to state that there are, from docs/architecture.md: as the read model shows bundles, payments and devices, and
 * as a device shows its payments and itself. A first state may be a late one, because whoever shows it may hear late.
 */
const WAYS: Readonly<Record<Machine, Readonly<Record<string, readonly string[]>>>> = {
  bundle: {
    '(new)': ['pushed', 'review', 'quarantined', 'claimed', 'accepted', 'partially_accepted', 'rejected', 'failed'],
    pushed: ['accepted', 'partially_accepted', 'failed', 'review', 'claimed'],
    claimed: ['pushed', 'accepted', 'partially_accepted', 'failed', 'review'],
    review: ['pushed', 'claimed', 'accepted', 'partially_accepted', 'failed'],
    quarantined: ['pushed', 'claimed', 'accepted', 'partially_accepted', 'failed'],
    accepted: ['partially_accepted', 'failed'],
  },
  payment: {
    '(new)': ['pending', 'claimed', 'review', 'quarantined', 'refused', 'succeeded', 'failed'],
    pending: ['succeeded', 'failed', 'review', 'refused', 'claimed'],
    claimed: ['pending', 'succeeded', 'failed', 'review'],
    review: ['pending', 'succeeded', 'failed', 'claimed'],
    quarantined: ['pending', 'succeeded', 'failed', 'claimed'],
    succeeded: ['reversed'],
  },
  device: {
    '(new)': ['active', 'suspended'],
    active: ['suspended', 'revoked'],
    suspended: ['active', 'revoked'],
  },
  'payment on its device': {
    // Later ones where a storage was lost, and the device hears of what it took before.
    '(new)': ['pending_offline', 'pending', 'claimed', 'review', 'succeeded', 'failed'],
    pending_offline: ['voided', 'pending', 'claimed', 'review', 'quarantined', 'refused', 'succeeded', 'failed'],
    pending: ['succeeded', 'failed', 'review'],
    claimed: ['succeeded', 'failed', 'review'],
    review: ['succeeded', 'failed', 'claimed'],
    quarantined: ['succeeded', 'failed', 'claimed'],
    succeeded: ['reversed'],
  },
  SDK: {
    '(new)': ['created'],
    created: ['needs_network', 'offline_ready', 'ready', 'blocked'],
    needs_network: ['ready', 'blocked'],
    offline_ready: ['ready', 'blocked'],
    ready: ['offline_ready', 'blocked'],
    blocked: ['ready', 'offline_ready'],
  },
}

/** `machine: from → to` */
export const ALL_WAYS: readonly string[] = Object.entries(WAYS).flatMap(([machine, ways]) =>
  Object.entries(ways).flatMap(([from, to]) => to.map((state) => `${machine}: ${from} → ${state}`)),
)
