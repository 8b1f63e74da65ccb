import type { Original } from '../original.ts'
import { bundleColumns } from './bundle-row.ts'
import { buffer, fieldsOf, type Row } from './columns.ts'

const ORIGINAL = fieldsOf(bundleColumns, ['bundleId', 'bundle', 'receipt'])
const SELECT = `SELECT ${ORIGINAL.names} FROM bundles WHERE bundle_id = ?`

/** SQL of signed bundles and receipts: those that are here. */
export const readOriginals = (sql: SqlStorage, bundleIds: readonly Uint8Array[]): Original[] =>
  bundleIds.flatMap((bundleId) => sql.exec<Row>(SELECT, buffer(bundleId)).toArray().map(ORIGINAL.decode))
