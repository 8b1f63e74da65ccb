import { equalBytes } from '../../../src/protocol/bytes.ts'
import type { BundlePayload } from '../../../src/protocol/payload.ts'
import type { View } from '../admit/admission.ts'
import { type KnownEntries, knownEntries } from '../admit/known-entries.ts'
import type { AdmitRequest } from '../admit-request.ts'
import type { Device } from '../device.ts'
import { bundleColumns } from './bundle-row.ts'
import { buffer, fieldsOf, rowsOf } from './columns.ts'
import { readDevice } from './device-store.ts'
import { missingBefore } from './hole-store.ts'
import { readNamed, readOver } from './left-out-store.ts'

const LINK = fieldsOf(bundleColumns, ['seq', 'bundleId', 'nonce', 'digest', 'prev', 'receipt', 'timeFloorMs'])

/** Bundles that have anything to do with another one: by place, by id, by nonce. Of an honest device one: the one before. */
const RELATED = `
  SELECT ${LINK.names} FROM bundles WHERE seq BETWEEN ?1 - 1 AND ?1 + 1 OR bundle_id = ?2 OR nonce = ?3`

/** Everything that an admission is decided on, in one consistent read. */
export function readView(sql: SqlStorage, { claims, payload }: AdmitRequest): View {
  const device = readDevice(sql)
  const { seq, bundleId, nonce } = claims
  const related = rowsOf(sql, RELATED, seq, buffer(bundleId), buffer(nonce)).map(LINK.decode)
  const at = (place: number) => related.find((bundle) => bundle.seq === place)
  const before = at(seq - 1)
  const named = before === undefined && seq > 1 ? readNamed(sql, claims) : undefined
  const over = seq < device.head ? readOver(sql, seq) : undefined
  return {
    device,
    sameId: related.find((bundle) => equalBytes(bundle.bundleId, bundleId)),
    sameNonce: related.find((bundle) => equalBytes(bundle.nonce, nonce)),
    neighbours: { head: device.head, before, same: at(seq), after: at(seq + 1), over, named },
    // Places that this very bundle leaves out are not missing.
    missingBefore: missingBefore(sql, device, named === undefined ? seq : named.seq + 1),
    timeFloorMs: before === undefined ? readTimeFloor(sql, seq) : before.timeFloorMs,
    known: readKnown(sql, device, payload),
  }
}

const COVERING = fieldsOf(bundleColumns, ['seq', 'digest', 'firstCounter', 'lastCounter', 'payments'])
const SELECT_COVERING = `SELECT ${COVERING.names} FROM bundles WHERE first_counter <= ? AND last_counter >= ? ORDER BY seq`

/** Looks through all bundles, so only where the device has brought one of the counters before: an honest one seldom has. */
function readKnown(sql: SqlStorage, { counters }: Device, { entries }: BundlePayload): KnownEntries {
  const [first, last] = [entries[0]?.counter ?? 0, entries.at(-1)?.counter ?? 0]
  if (!counters.some(([low, high]) => low <= last && first <= high)) return new Map()
  const covering = rowsOf(sql, SELECT_COVERING, last, first).map(COVERING.decode)
  return knownEntries(covering, first, last)
}

function readTimeFloor(sql: SqlStorage, seq: number): number | undefined {
  const query = 'SELECT time_floor AS floor FROM bundles WHERE seq < ? ORDER BY seq DESC LIMIT 1'
  return sql.exec<{ floor: number }>(query, seq).toArray()[0]?.floor
}
