import type { Answer } from '../people/office.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import type { Operation } from './operation.ts'

const REVIEWERS = ['binta', 'dior', 'fatou'] as const
const COUNTRY = 'SN'
const TRIES = 3

/** A call that failed on its way is made again with the same key, as tools do. */
async function insistently(world: World, random: Random, call: (key: string) => Promise<Answer>): Promise<string> {
  const key = crypto.randomUUID()
  for (let attempt = 1; ; attempt++) {
    try {
      const { status, body } = await call(key)
      if (status < 500 || attempt === TRIES) return status < 300 ? 'done' : String(body['code'] ?? status)
    } catch {
      if (attempt === TRIES) return 'no answer'
    }
    await world.scheduler.sleep(random.between(1_000, 60_000))
  }
}

const setStatus = (change: 'suspend' | 'reactivate' | 'revoke', weight: number): Operation => ({
  weight,
  async run(world, device, random) {
    const path = `/offline/devices/${device.id}/${change}`
    const came = await insistently(world, random, (key) =>
      world.office.ask('ops', 'pay_admin', 'POST', path, { reason: 'by the simulator' }, key),
    )
    if (came === 'done' && change === 'revoke') device.isRevoked = true
    return `is to be ${change}d: ${came}`
  },
})

interface Waiting {
  readonly bundle_id: string
  readonly device_id: string
  readonly payments: readonly { readonly counter: number }[]
}

/** A reviewer looks at what waits, and votes about some of it. */
const review: Operation = {
  weight: 4,
  async run(world, _device, random) {
    const who = random.pick(REVIEWERS)
    const answer = await world.office.ask(who, 'pay_reviewer', 'GET', '/offline/reviews').catch(() => undefined)
    const reviews = (answer?.body['reviews'] ?? []) as readonly Waiting[]
    if (reviews.length === 0) return `(${who}) finds nothing to review`
    const { bundle_id, device_id, payments } = random.pick(reviews)
    const counters = payments.map(({ counter }) => counter).filter(() => random.chance(0.7))
    const choice = random.weighted({ approve: 3, reject: 1 })
    const vote = { choice, payments: counters.length > 0 ? counters : [payments[0]?.counter], reason: 'seen' }
    const path = `/offline/bundles/${bundle_id}/review?device_id=${device_id}`
    const came = await insistently(world, random, (key) =>
      world.office.ask(who, 'pay_reviewer', 'POST', path, vote, key),
    )
    return `(${who}) votes to ${choice} ${vote.payments.join(', ')} of ${device_id}: ${came}`
  },
}

/** Somebody finds that a payment should not have been made. */
const reverse: Operation = {
  weight: 2,
  async run(world, device, random) {
    const done = [...device.told.keys()].filter((id) => device.sdk.getTransaction(id)?.status === 'succeeded')
    if (done.length === 0) return 'has nothing to reverse'
    const localId = random.pick(done)
    const path = `/offline/transactions/${localId}/reverse`
    const who = random.pick(REVIEWERS)
    const came = await insistently(world, random, (key) =>
      world.office.ask(who, 'pay_reviewer', 'POST', path, { reason: 'a mistake' }, key),
    )
    return `(${who}) votes to reverse ${localId}: ${came}`
  },
}

/** The limits of the country change, at once. */
const changePolicy: Operation = {
  weight: 0.7,
  async run(world, _device, random) {
    const path = `/offline/policies/${COUNTRY}/versions?limit=1`
    const answer = await world.office.ask('ops', 'pay_admin', 'GET', path).catch(() => undefined)
    const [newest] = (answer?.body['versions'] ?? []) as readonly { readonly version: number }[]
    if (newest === undefined) return '(ops) cannot read the policy'
    const changes = random.pick([
      { require_payer_proof_above: random.pick([5_000, 10_000, 20_000]) },
      { require_manual_review_above: random.pick([60_000, 75_000]) },
      { max_offline_amount: random.pick([80_000, 100_000]) },
      { enabled: random.chance(0.7) },
    ])
    const asked = { country: COUNTRY, after_version: newest.version, reason: 'by the simulator', changes }
    const came = await insistently(world, random, (key) =>
      world.office.ask('ops', 'pay_admin', 'POST', '/offline/policies', asked, key),
    )
    return `(ops) changes the policy, ${JSON.stringify(changes)}: ${came}`
  },
}

export const office = {
  suspend: setStatus('suspend', 0.6),
  reactivate: setStatus('reactivate', 1.2),
  revoke: setStatus('revoke', 0.05),
  review,
  reverse,
  changePolicy,
}
