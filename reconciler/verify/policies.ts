import type pg from 'pg'
import { openPolicyVersion } from '../../src/crypto/policy-version.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { FIRST_VERSION, firstPolicy } from '../../src/protocol/first-policies.ts'
import type { Country, Policy } from '../../src/protocol/policy.ts'
import { POLICY_COLUMNS, policyColumns } from '../registry/policies.ts'
import type { Finding } from './check.ts'

/** Whoever settles by a version reads its signed bytes; whoever queries the book reads its columns. They say the same. */
const NAME = 'policies_signed'
const PROMISE =
  'each version of a policy is what the edge signed when people put it in force, and the first ones are code'

interface Row {
  country: Country
  version: number
  signed: Uint8Array | null
  columns: readonly unknown[]
}

export async function checkPolicies(
  client: pg.ClientBase,
  trusted: readonly TrustedKey[],
  examplesMax: number,
): Promise<Finding> {
  const columns = POLICY_COLUMNS.join(', ')
  const { rows } = await client.query<Row>(
    `SELECT country, version, signed, jsonb_build_array(${columns}) AS columns FROM offline_policies ORDER BY 1, 2`,
  )
  const wrong: object[] = []
  for (const row of rows) {
    const { country, version } = row
    const policy = await policyBehind(row, trusted)
    if (policy === undefined) wrong.push({ country, version, fault: 'not_signed' })
    else if (JSON.stringify(row.columns) !== JSON.stringify(policyColumns(policy))) {
      wrong.push({ country, version, fault: 'row_differs' })
    }
  }
  return { check: NAME, promise: PROMISE, found: wrong.length, examples: wrong.slice(0, examplesMax) }
}

/** The version that a receipt names, as the edge signed it; undefined: it is not here, or nobody has signed it. */
export async function policyOf(
  client: pg.ClientBase,
  { country, policyVersion }: { readonly country: Country; readonly policyVersion: number },
  trusted: readonly TrustedKey[],
): Promise<Policy | undefined> {
  const { rows } = await client.query<Pick<Row, 'signed'>>(
    'SELECT signed FROM offline_policies WHERE country = $1 AND version = $2',
    [country, policyVersion],
  )
  return policyBehind({ country, version: policyVersion, signed: rows[0]?.signed ?? null, columns: [] }, trusted)
}

async function policyBehind(
  { country, version, signed }: Row,
  trusted: readonly TrustedKey[],
): Promise<Policy | undefined> {
  if (version === FIRST_VERSION) return firstPolicy(country)
  return signed === null ? undefined : (await openPolicyVersion(new Uint8Array(signed), trusted))?.policy
}
