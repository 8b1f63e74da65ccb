import type pg from 'pg'
import { AUDIT_CHECKS } from '../../reconciler/verify/audit-checks.ts'
import { checkBundles } from '../../reconciler/verify/bundles.ts'
import { type Finding, runCheck } from '../../reconciler/verify/check.ts'
import { GUARD_CHECKS } from '../../reconciler/verify/guard-checks.ts'
import { LEDGER_CHECKS } from '../../reconciler/verify/ledger-checks.ts'
import { SETTLEMENT_CHECKS } from '../../reconciler/verify/settlement-checks.ts'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import { INDEPENDENT } from './checks-independent.ts'
import { type Book, BookError } from './pglite.ts'

const EXAMPLES_MAX = 3

/**
 * The promises of the book at quiet: the reconciler's own verification, and beside it SQL that was written for the
 * simulator alone. Must not be called while a transaction is open.
 *
 * @param keys opens bundles; without them their evidence is not looked at
 * @returns sentences of what is wrong
 */
export async function brokenAtQuiet(book: Book, keys?: KeyProvider): Promise<string[]> {
  const client = clientOf(book)
  const findings: Finding[] = []
  for (const check of [...LEDGER_CHECKS, ...SETTLEMENT_CHECKS, ...AUDIT_CHECKS, ...GUARD_CHECKS]) {
    findings.push(await runCheck(client, check, EXAMPLES_MAX))
  }
  if (keys) {
    findings.push(await checkBundles({ client, keys, examplesMax: EXAMPLES_MAX, onProgress: () => undefined }))
  }
  const independent = INDEPENDENT.flatMap(({ promise, sql }) => {
    const rows = book.read(sql)
    return rows.length === 0 ? [] : [sentence(promise, rows.length, rows.slice(0, EXAMPLES_MAX))]
  })
  return [
    ...findings.flatMap(({ promise, found, examples }) => (found === 0 ? [] : [sentence(promise, found, examples)])),
    ...independent,
    ...changeable(book),
  ]
}

const sentence = (promise: string, found: number, examples: readonly unknown[]) =>
  `${promise}: broken ${found} times, as by ${examples.map((example) => JSON.stringify(example)).join(', ')}`

/** Facts that somebody could change: neither the application nor the owner of the schema may. */
function changeable(book: Book): string[] {
  const changes = [
    'UPDATE wallet_core.entries SET amount_minor = 1',
    'DELETE FROM wallet_core.transfers',
    'UPDATE offline_audit_logs SET actor = actor',
  ]
  return changes.flatMap((change) => {
    try {
      book.asOwner(change)
      return [`the owner of the schema can: ${change}`]
    } catch (error) {
      if (error instanceof BookError && error.code === RESTRICT_VIOLATION) return []
      throw error
    }
  })
}

const RESTRICT_VIOLATION = '23001'

/** What the reconciler's checks take for a client: it reads, without a wait. */
function clientOf(book: Book): pg.ClientBase {
  const query = async (sql: string, values: readonly unknown[] = []) => ({
    rows: book.read(sql, values.map(literalOf)),
  })
  return { query } as unknown as pg.ClientBase
}

/** Numbers and texts, and lists of texts: all that the checks pass. */
function literalOf(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (!Array.isArray(value)) return String(value)
  return `{${value.map((item) => JSON.stringify(String(item))).join(',')}}`
}
