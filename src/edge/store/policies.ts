import { and, desc, eq, getTableColumns, lt, lte, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { currency } from '../../protocol/money.ts'
import { COUNTRIES, type Country, type Policy } from '../../protocol/policy.ts'
import type { PolicyVersion } from '../policies/version.ts'
import { policies } from './schema.ts'

/** @returns the policy in force in each country */
export async function readPoliciesInForce(db: D1Database, nowMs: number): Promise<ReadonlyMap<Country, Policy>> {
  // One statement; driven by the countries, so that it reads one row of each, however many versions there are.
  const inForce = sql`(SELECT v.version FROM ${policies} v WHERE v.country = c.value AND v.effective_at <= ${nowMs}
    ORDER BY v.version DESC LIMIT 1)`
  const found = await drizzle(db)
    .select(getTableColumns(policies))
    .from(sql`json_each(${JSON.stringify(COUNTRIES)}) c`)
    .innerJoin(policies, sql`${policies.country} = c.value AND ${policies.version} = ${inForce}`)
  return new Map(found.map((row) => [row.country, toVersion(row).policy]))
}

const inForce = (db: D1Database, country: Country, nowMs: number) =>
  drizzle(db)
    .select()
    .from(policies)
    .where(and(eq(policies.country, country), lte(policies.effectiveAt, nowMs)))
    .orderBy(desc(policies.version))
    .limit(1)

export async function readPolicyInForce(db: D1Database, country: Country, nowMs: number) {
  const [row] = await inForce(db, country, nowMs)
  return row && toVersion(row)
}

/** The newest versions first, those that are still to come included. @param before the last version of the page before */
export async function listPolicyVersions(
  db: D1Database,
  country: Country,
  before: number,
  limit: number,
): Promise<readonly PolicyVersion[]> {
  const rows = await drizzle(db)
    .select()
    .from(policies)
    .where(and(eq(policies.country, country), lt(policies.version, before)))
    .orderBy(desc(policies.version))
    .limit(limit)
  return rows.map(toVersion)
}

export async function readPolicyVersion(db: D1Database, country: Country, version: number) {
  const [row] = await drizzle(db)
    .select()
    .from(policies)
    .where(and(eq(policies.country, country), eq(policies.version, version)))
  return row && toVersion(row)
}

/** Fails as a whole when there is such a version already: its number is the lock. */
export function policyInsert(db: D1Database, version: PolicyVersion): D1PreparedStatement {
  const { policy, reviewTwoPeopleAbove, effectiveAtMs, createdAtMs, createdBy } = version
  const row = { ...policy, allowedMethods: [...policy.allowedMethods], reviewTwoPeopleAbove, createdBy }
  const query = drizzle(db)
    .insert(policies)
    .values({ ...row, effectiveAt: effectiveAtMs, createdAt: createdAtMs })
    .toSQL()
  return db.prepare(query.sql).bind(...query.params)
}

function toVersion(row: typeof policies.$inferSelect): PolicyVersion {
  const { effectiveAt, createdAt, createdBy, reviewTwoPeopleAbove, ...fields } = row
  return {
    policy: { ...fields, currency: currency(row.currency) },
    reviewTwoPeopleAbove,
    effectiveAtMs: effectiveAt,
    createdAtMs: createdAt,
    createdBy,
  }
}
