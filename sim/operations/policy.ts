import { drawChanges, publish } from '../people/new-policy.ts'
import { newestPolicy, type PolicyRow } from '../promises/policies.ts'
import type { World } from '../world.ts'
import { insistently } from './insistently.ts'
import type { Operation } from './operation.ts'

/** The limits of a device's country change, at once. */
export const changePolicy: Operation = {
  weight: 1.2,
  async run(world: World, device, random) {
    const now = newestPolicy(world.edge, device.facts.country)
    const changes = drawChanges(random, now)
    const came = await insistently(world, random, (key) => publish(world.office, now, changes, key))
    return `(ops) changes the policy of ${now.country}, ${JSON.stringify(changes)}: ${came}`
  },
}

/** Amounts at which another rule begins to speak. */
export const limitsOf = (now: PolicyRow): readonly number[] => [
  now.require_payer_proof_above,
  now.require_agent_approval_above,
  now.require_manual_review_above,
  now.max_offline_amount,
]
