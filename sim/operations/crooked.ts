import { customerOf } from '../people/market.ts'
import { publish } from '../people/new-policy.ts'
import { newestPolicy } from '../promises/policies.ts'
import { insistently } from './insistently.ts'
import type { Operation } from './operation.ts'
import { alive, take } from './take.ts'

interface Waiting {
  readonly bundle_id: string
  readonly device_id: string
  readonly payments: readonly { readonly counter: number }[]
}

/** Reversals asked for on each device. */
const REVERSED = 4

/**
 * Somebody with a role uses it up: votes about all that waits and reverses what succeeded, on all devices at once. One who registered
 * the devices tries it too.
 */
export const usePower: Operation = {
  weight: 2,
  async run(world, device, random) {
    // So little that what is decided in a minute is more than one person may decide in a day.
    const now = newestPolicy(world.edge, device.facts.country)
    const changes = { person_daily_value: Math.min(random.pick([2_000, 4_000]), now.person_daily_value) }
    if (random.chance(0.4)) {
      await insistently(world, random, (key) => publish(world.office, now, changes, key))
      // Until nobody goes on with the version before.
      await world.scheduler.sleep(random.between(70_000, 120_000))
    }
    // Something that can be reversed.
    await alive(device)
    const terms = { type: 'p2p', currency: 'XOF', sender: device.facts.wallet, receiver: customerOf(0) } as const
    for (const amount of [1_400, 1_500, 1_600]) await take(world, device, { ...terms, amount })
    await device.sdk.syncNow()
    await world.scheduler.sleep(30_000)
    const who = random.pick(['moussa', 'ops'])
    const choice = random.pick(['approve', 'reject'])
    const ask = (path: string, body: object) =>
      insistently(world, random, (key) => world.office.ask(who, 'pay_reviewer', 'POST', path, body, key))
    const answer = await world.office.ask(who, 'pay_reviewer', 'GET', '/offline/reviews').catch(() => undefined)
    const votes = ((answer?.body['reviews'] ?? []) as readonly Waiting[]).map(({ bundle_id, device_id, payments }) => {
      const path = `/offline/bundles/${bundle_id}/review?device_id=${device_id}`
      return () => ask(path, { choice, payments: payments.map(({ counter }) => counter), reason: 'in a hurry' })
    })
    const own = new Set<string>(world.devices.map(({ id }) => id))
    const succeeded = (await world.book.payments()).filter(({ status }) => status === 'succeeded')
    const byDevice = Map.groupBy(succeeded, ({ localId }) => localId.split('/')[0] ?? '')
    const reversals = [...byDevice]
      .filter(([id]) => own.has(id))
      .flatMap(([, payments]) => payments.slice(0, REVERSED))
      .map(
        ({ localId }) =>
          () =>
            ask(`/offline/transactions/${localId}/reverse`, { reason: 'fraud' }),
      )
    const came = await Promise.all([...votes, ...reversals].map((one) => one()))
    const done = came.filter((one) => one === 'done').length
    return `(${who}) votes to ${choice} all of ${votes.length} bundles, and to reverse ${reversals.length} payments: ${done} votes count`
  },
}
