import { toHex } from '../../../src/protocol/bytes.ts'
import type { Listing } from '../../country/listing.ts'
import { deniedPasses } from '../denied.ts'
import { readListed } from '../sql/bundle-store.ts'
import { readDevice } from '../sql/device-store.ts'
import { readPasses } from '../sql/pass-store.ts'
import { bundleRow, deviceRow } from './projection.ts'

/** What the object of the country lists of this one, and how far it has it. */

/** Bundles in one listing. */
const BUNDLES_MAX = 100

export const owesListing = (sql: SqlStorage): boolean =>
  sql.exec<{ owes: number }>('SELECT listing_rev > listed_rev AS owes FROM device').one().owes === 1

const PLACES = `
  SELECT listed_rev AS "from", COALESCE(
    (SELECT listing_rev FROM bundles WHERE listing_rev > device.listed_rev ORDER BY listing_rev LIMIT 1 OFFSET ${BUNDLES_MAX - 1}),
    listing_rev) AS through
  FROM device`

/** @returns undefined when the object of the country has all of it */
export function readListing(sql: SqlStorage): Listing | undefined {
  if (!owesListing(sql)) return undefined
  const device = readDevice(sql)
  const { from, through } = sql.exec<{ from: number; through: number }>(PLACES).one()
  const nowMs = Date.now()
  const denied = deniedPasses(device, readPasses(sql, nowMs), nowMs).map(({ kid, untilMs }) => ({
    kid: toHex(kid),
    untilMs,
  }))
  const bundles = readListed(sql, from, through).map((bundle) => bundleRow(device, bundle))
  return { from, through, device: deviceRow(device), consentRequest: device.consentRequest, denied, bundles }
}

/** @param rev up to which the object of the country says that it knows: less than before when it has lost something */
export function markListed(sql: SqlStorage, rev: number): void {
  sql.exec('UPDATE device SET listed_rev = MIN(?, listing_rev)', rev)
}
