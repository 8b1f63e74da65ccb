import { REVERSAL_REASONS } from '../../src/protocol/messages.ts'
import { insistently } from './insistently.ts'
import type { Operation } from './operation.ts'
import { changeAlone, changePolicy, forgePolicy, switchCountryOff } from './policy.ts'

const REVIEWERS = ['binta', 'dior', 'fatou'] as const

const setStatus = (change: 'suspend' | 'reactivate' | 'revoke', weight: number): Operation => ({
  weight,
  async run(world, device, random) {
    const path = `/offline/devices/${device.id}/${change}`
    const came = await insistently(world, random, (key) =>
      world.office.ask('ops', 'pay_admin', 'POST', path, { reason: 'by the simulator' }, key),
    )
    // It may have been done although no answer came.
    const [facts] = world.edge.objects.read(device.id, 'SELECT status FROM device')
    if (change === 'revoke' && (came === 'done' || facts?.['status'] === 'revoked')) device.isRevoked = true
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
    // Whoever is in a hurry tries to be two people.
    if (random.chance(0.3)) {
      await insistently(world, random, (key) => world.office.ask(who, 'pay_reviewer', 'POST', path, vote, key))
    }
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
    const reason = random.pick(REVERSAL_REASONS)
    const path = `/offline/transactions/${localId}/reverse`
    const who = random.pick(REVIEWERS)
    const came = await insistently(world, random, (key) =>
      world.office.ask(who, 'pay_reviewer', 'POST', path, { reason, note: 'a mistake' }, key),
    )
    return `(${who}) votes to reverse ${localId}: ${came}`
  },
}

export const office = {
  suspend: setStatus('suspend', 0.6),
  reactivate: setStatus('reactivate', 1.2),
  revoke: setStatus('revoke', 0.3),
  review,
  reverse,
  changePolicy,
  changeAlone,
  forgePolicy,
  switchCountryOff,
}
