import { countBundles } from '../metrics/count-bundles.ts'
import { isRefusedByD1 } from './d1-error.ts'
import type { IndexMessage } from './index-message.ts'
import { auditInserts, bundleUpserts, deviceUpserts } from './projections.ts'

/** What was not written: D1 did not answer, or it does not take these rows. */
export interface Unwritten<Part> {
  readonly parts: readonly Part[]
  readonly isRefused: boolean
  readonly error: unknown
}

/** Batches of one call: two bad rows among 500 are found with as many. */
const BATCHES_MAX = 40

/**
 * Writes rows to the read model in one batch, which is one transaction. Rows carry a rev and only a newer one replaces, so
 * repeats and any order are fine. When D1 does not take the rows of a part, each half is written alone, down to that part:
 * it must not keep the others from being shown. When D1 takes nothing at all, that ends soon.
 *
 * @param rowsOf a part's rows
 * @param tries how many batches are left
 */
export async function writeRows<Part>(
  db: D1Database,
  parts: readonly Part[],
  rowsOf: (part: Part) => IndexMessage,
  tries = { left: BATCHES_MAX },
): Promise<readonly Unwritten<Part>[]> {
  try {
    tries.left--
    const statements = statementsFor(parts.map(rowsOf), db)
    if (statements.length > 0) await db.batch(statements)
    return []
  } catch (error) {
    // Rows from which no statement can be made are a TypeError.
    const isRefused = isRefusedByD1(error) || error instanceof TypeError
    if (!isRefused || parts.length === 1 || tries.left <= 0) return [{ parts, isRefused, error }]
  }
  const middle = Math.ceil(parts.length / 2)
  const first = await writeRows(db, parts.slice(0, middle), rowsOf, tries)
  return [...first, ...(await writeRows(db, parts.slice(middle), rowsOf, tries))]
}

function statementsFor(messages: readonly IndexMessage[], db: D1Database): D1PreparedStatement[] {
  const bundles = messages.flatMap(({ bundle }) => bundle ?? [])
  const devices = messages.flatMap(({ device }) => device ?? [])
  const audit = messages.flatMap(({ audit }) => audit ?? [])
  return [
    // Before the rows: it counts what they change.
    ...countBundles(db, bundles),
    ...deviceUpserts(db, devices),
    ...bundleUpserts(db, bundles),
    ...auditInserts(db, audit),
  ]
}
