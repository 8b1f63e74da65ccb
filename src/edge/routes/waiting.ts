import { dayNames } from '../../crypto/day-names.ts'
import { statesOf } from '../../protocol/payment-states.ts'
import { waitsForPeople } from '../../protocol/states.ts'
import { configOf } from '../config.ts'
import type { Env } from '../env.ts'
import { type Opened, openStored } from '../ingest/open-stored.ts'
import { listWaiting } from '../store/countries.ts'
import type { BundleRow } from '../store/index-message.ts'
import { partiesIn, walletsIn } from './parties.ts'

/** Bundles that parties are counted in: opening one takes a fraction of a millisecond, and people decide about fewer in a day. */
const COUNTED_MAX = 500
/** Of bundles with payments that wait for people. */
export const FOR_PEOPLE = ['review', 'quarantined'] as const

const nameOf = ({ deviceId, bundleId }: BundleRow) => `${deviceId} ${bundleId}`

/** States of a bundle's payments that wait. */
export const waitingIn = ({ payments }: Pick<BundleRow, 'payments'>) =>
  statesOf(payments).filter(([, status]) => waitsForPeople(status))

/** Opens these bundles and the newest others that wait, and counts who stands in them; nothing of it is stored. */
export async function withParties(env: Env, items: readonly BundleRow[], tenant: string | undefined) {
  const others = await listWaiting(env, { tenant, statuses: FOR_PEOPLE, order: 'newest' }, COUNTED_MAX)
  const rows = new Map([...others.slice(0, COUNTED_MAX), ...items].map((row) => [nameOf(row), row]))
  const openedOf = await openStored(env, [...rows.values()])
  const opened = (row: BundleRow): Opened => openedOf(rows.get(nameOf(row)) ?? row)
  const waiting = [...rows.values()].map((row) => {
    const counters = new Set(waitingIn(row).map(([counter]) => counter))
    const payments = opened(row).payments ?? []
    return { deviceId: row.deviceId, payments: payments.filter(({ counter }) => counters.has(counter)) }
  })
  const wallets = waiting.flatMap((one) => walletsIn(one.payments))
  const names = await dayNames(await configOf(env).reviewPseudonymKey(), Date.now(), wallets)
  return {
    opened,
    parties: partiesIn(waiting, names),
    isCut: others.length > COUNTED_MAX,
  }
}
