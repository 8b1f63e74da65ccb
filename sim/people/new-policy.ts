import type { PolicyRow } from '../promises/policies.ts'
import type { Random } from '../time/random.ts'
import type { Answer, Office } from './office.ts'

type Changes = Readonly<Record<string, number | boolean>>

/**
 * What a version may change, each so that it contradicts nothing that it leaves as it was. Low enough that a device which takes
 * a few payments a day meets the limits of a day, between syncs, of an age and of a clock.
 */
const CHANGES: Readonly<Record<string, (random: Random, now: PolicyRow) => Changes>> = {
  proof: (random, now) => ({
    require_payer_proof_above: Math.min(
      random.pick([0, 1_000, 5_000, 10_000, 20_000]),
      now.require_agent_approval_above,
    ),
  }),
  approval: (random, now) => ({
    require_agent_approval_above: random.between(now.require_payer_proof_above, now.require_manual_review_above),
  }),
  review: (random, now) => ({
    require_manual_review_above: Math.max(random.pick([2_000, 60_000, 75_000]), now.require_agent_approval_above),
  }),
  amount: (random, now) => ({
    max_offline_amount: Math.min(
      random.pick([2_500, 80_000, 100_000]),
      now.max_offline_value_per_device_per_day,
      now.max_offline_value_between_syncs,
    ),
  }),
  count: (random) => ({ max_offline_per_device_per_day: random.pick([1, 2, 3, 4, 50]) }),
  value: (random, now) => {
    const most = random.pick([3_000, 10_000, 100_000])
    const amount = Math.min(most, now.max_offline_value_between_syncs)
    return { max_offline_value_per_device_per_day: most, max_offline_amount: amount }
  },
  unsynced: (random, now) => {
    const most = random.pick([3_000, 10_000, 750_000])
    return { max_offline_value_between_syncs: most, max_offline_amount: Math.min(most, now.max_offline_amount) }
  },
  age: (random) => {
    const hours = random.pick([1, 2, 6, 72])
    return { max_bundle_age_hours: hours, max_relay_hours: random.between(0, Math.min(hours, 24)) }
  },
  skew: (random) => ({ max_clock_skew_minutes: random.pick([1, 2, 5, 30]) }),
  twoPeople: (random) => ({ review_two_people_above: random.pick([0, 1_000, 50_000]) }),
  // Never more than before: the book hears of a version with the first bundle that is judged by it, and keeps what one person decided
  // beyond the one it knows until then.
  personDay: (random, now) => ({
    person_daily_value: Math.min(random.pick([0, 2_000, 20_000]), now.person_daily_value),
  }),
  // Never more than before, for the same reason.
  mandates: (random, now) => {
    const day = Math.min(random.pick([0, 500, 3_000]), now.mandate_day_max)
    return {
      mandate_day_max: day,
      mandate_payment_max: Math.min(random.pick([200, 1_000]), day, now.mandate_payment_max),
    }
  },
  enabled: (random) => ({ enabled: random.chance(0.6) }),
}

/** @returns fields of the policy's next version, by the names of its columns */
export function drawChanges(random: Random, now: PolicyRow): Changes {
  const what = random.pick(Object.keys(CHANGES))
  return CHANGES[what]?.(random, now) ?? {}
}

export const PROPOSALS = '/offline/policies/proposals'
const REASON = { reason: 'by the simulator' }

/** One person proposes the version after this one, another one puts it in force. Both may be asked again with the same key. */
export async function publish(office: Office, now: PolicyRow, changes: Changes, key?: string): Promise<Answer> {
  const proposal = { country: now.country, after_version: now.version, ...REASON, changes }
  const proposed = await office.ask('ops', 'pay_admin', 'POST', PROPOSALS, proposal, key)
  if (proposed.status >= 300) return proposed
  return confirm(office, 'chief', String(proposed.body['id']), key)
}

export const confirm = (office: Office, who: string, id: string, key?: string): Promise<Answer> =>
  office.ask(who, 'pay_admin', 'POST', `${PROPOSALS}/${id}/confirm`, REASON, key)

export const switchOff = (office: Office, country: string, key?: string): Promise<Answer> =>
  office.ask('ops', 'pay_admin', 'POST', `/offline/policies/${country}/switch-off`, REASON, key)
