import { and, desc, eq, lte } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { currency } from '../protocol/money.ts'
import { COUNTRIES, type Country, type Policy } from '../protocol/policy.ts'
import { policies } from './schema.ts'

/** @returns the policy in force in each country */
export async function readPoliciesInForce(db: D1Database, nowMs: number): Promise<ReadonlyMap<Country, Policy>> {
  const d1 = drizzle(db)
  const inForce = (country: Country) =>
    d1
      .select()
      .from(policies)
      .where(and(eq(policies.country, country), lte(policies.effectiveAt, nowMs)))
      .orderBy(desc(policies.version))
      .limit(1)
  const [first, ...rest] = COUNTRIES.map(inForce)
  if (first === undefined) return new Map()
  const found = (await d1.batch([first, ...rest])).flat()
  return new Map(found.map((row) => [row.country, toPolicy(row)]))
}

function toPolicy(row: typeof policies.$inferSelect): Policy {
  const { effectiveAt: _, createdAt: __, createdBy: ___, ...fields } = row
  return { ...fields, currency: currency(row.currency) }
}
