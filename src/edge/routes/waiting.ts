import { dayNames } from '../../crypto/day-names.ts'
import { statesOf } from '../../protocol/payment-states.ts'
import { configOf } from '../config.ts'
import type { Env } from '../env.ts'
import { type Opened, openStored } from '../ingest/open-stored.ts'
import { type WaitingBundle, waitingPayments } from '../store/bundles.ts'
import type { BundleRow } from '../store/index-message.ts'
import { partiesIn, walletsIn } from './parties.ts'

/** Bundles that parties are counted in: opening one takes a fraction of a millisecond, and people decide about fewer in a day. */
const COUNTED_MAX = 500

type Row = Pick<WaitingBundle, 'bundle_id' | 'device_id' | 'payments' | 'digest'>
const nameOf = ({ device_id, bundle_id }: Row) => `${device_id} ${bundle_id}`

/** States of a bundle's payments that wait. */
export const waitingIn = ({ payments }: Pick<Row, 'payments'>) =>
  statesOf(JSON.parse(payments) as BundleRow['payments']).filter(
    ([, status]) => status === 'review' || status === 'quarantined',
  )

/** Opens these bundles and the others that wait, and counts who stands in them; nothing of it is stored. */
export async function withParties(env: Env, items: readonly Row[], tenant: string | undefined) {
  const others = await waitingPayments(env.DB, tenant, COUNTED_MAX)
  const rows = new Map([...others.slice(0, COUNTED_MAX), ...items].map((row) => [nameOf(row), row]))
  const shown = new Map([...rows].map(([name, row]) => [name, shownOf(row)]))
  const openedOf = await openStored(env, [...shown.values()])
  const opened = (row: Row): Opened => {
    const one = shown.get(nameOf(row))
    return one === undefined ? { contents: 'not_verified' } : openedOf(one)
  }
  const waiting = [...rows.values()].map((row) => {
    const counters = new Set(waitingIn(row).map(([counter]) => counter))
    const payments = opened(row).payments ?? []
    return { deviceId: row.device_id, payments: payments.filter(({ counter }) => counters.has(counter)) }
  })
  const wallets = waiting.flatMap((one) => walletsIn(one.payments))
  const names = await dayNames(await configOf(env).reviewPseudonymKey(), Date.now(), wallets)
  return {
    opened,
    parties: partiesIn(waiting, names),
    isCut: others.length > COUNTED_MAX,
  }
}

const shownOf = ({ bundle_id: bundleId, device_id: deviceId, digest }: Row) => ({ bundleId, deviceId, digest })
