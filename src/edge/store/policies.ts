import { and, desc, eq, gt, lt, sql } from 'drizzle-orm'
import { drizzle } from 'drizzle-orm/d1'
import { openPolicyVersion, type SignedVersion } from '../../crypto/policy-version.ts'
import { FIRST_VERSION, firstVersion } from '../../protocol/first-policies.ts'
import { COUNTRIES, type Country, type Policy } from '../../protocol/policy.ts'
import type { PolicyVersion } from '../../protocol/policy-version.ts'
import { configOf } from '../config.ts'
import type { Env } from '../env.ts'
import { alarm } from '../metrics/alarm.ts'
import type { VersionRow } from './policy-rows.ts'
import { policies } from './schema.ts'

/**
 * Versions of policies as D1 keeps them. A row is signed bytes under a number: who can write to D1 and has no key of the
 * edge's writes none that is believed. What cannot be written here at all is the first version, which is code.
 */
type Row = VersionRow
/** The signed bytes of the first version are nobody's. */
export type KnownVersion = PolicyVersion & Partial<Pick<SignedVersion, 'signed'>>
type Settings = Pick<Env, 'DB'>

/** Rows of a country that are looked through for the one in force: more than are scheduled, or wrong, at a time. */
export const NEWEST_MAX = 32

/**
 * The newest versions of each country, the newest first. A country is missing when there are more wrong rows than are
 * looked through, so that nobody can hide a version under rows of his own. Wrong ones are taken away, with an alarm.
 */
export async function readNewest(
  env: Settings,
  countries: readonly Country[] = COUNTRIES,
): Promise<ReadonlyMap<Country, readonly KnownVersion[]>> {
  // One statement, driven by the countries.
  const newest = sql`(SELECT v.version FROM ${policies} v WHERE v.country = c.value AND v.version > ${FIRST_VERSION}
    ORDER BY v.version DESC LIMIT ${NEWEST_MAX})`
  const rows = await drizzle(env.DB)
    .select({ country: policies.country, version: policies.version, signed: policies.signed })
    .from(sql`json_each(${JSON.stringify(countries)}) c`)
    .innerJoin(policies, sql`${policies.country} = c.value AND ${policies.version} IN ${newest}`)
  const byCountry = Map.groupBy(rows, ({ country }) => country)
  const found = new Map<Country, readonly KnownVersion[]>()
  for (const country of countries) {
    const own = byCountry.get(country) ?? []
    const opened = await openAll(env, own)
    if (opened.length < own.length) await removeWrong(env.DB, own, opened)
    const known: KnownVersion[] = opened.toSorted((a, b) => b.policy.version - a.policy.version)
    if (own.length < NEWEST_MAX) known.push(firstVersion(country))
    if (known.length > 0) found.set(country, known)
  }
  return found
}

/** They take the places of versions to come. Only the very bytes that were looked at go: another row may stand there by now. */
async function removeWrong(db: D1Database, rows: readonly Row[], opened: readonly SignedVersion[]): Promise<void> {
  const right = new Set(opened.map(({ policy }) => policy.version))
  const wrong = rows.filter(({ version }) => !right.has(version))
  const remove = db.prepare('DELETE FROM offline_policies WHERE country = ? AND version = ? AND signed = ?')
  await db.batch([
    db.prepare("INSERT INTO offline_removals (why) VALUES ('not a version of ours')"),
    ...wrong.map(({ country, version, signed }) => remove.bind(country, version, signed)),
    db.prepare('DELETE FROM offline_removals'),
  ])
}

/** A page of a country's versions, the newest first, and one more. Rows that are not believed are left out of it. */
export async function listVersions(
  env: Settings,
  country: Country,
  before: number,
  limit: number,
): Promise<{ readonly versions: readonly KnownVersion[]; readonly next: number | undefined }> {
  const rows = await drizzle(env.DB)
    .select()
    .from(policies)
    .where(and(eq(policies.country, country), gt(policies.version, FIRST_VERSION), lt(policies.version, before)))
    .orderBy(desc(policies.version))
    .limit(limit + 1)
  const shown = rows.slice(0, limit)
  const opened: readonly KnownVersion[] = await openAll(env, shown)
  if (rows.length > limit) return { versions: opened, next: shown.at(-1)?.version }
  if (before <= FIRST_VERSION) return { versions: [], next: undefined }
  // The first version stands at the end of the last page, or on one of its own when that is full.
  if (rows.length === limit) return { versions: opened, next: shown.at(-1)?.version }
  return { versions: [...opened, firstVersion(country)], next: undefined }
}

export async function readVersion(env: Settings, country: Country, version: number): Promise<KnownVersion | undefined> {
  if (version === FIRST_VERSION) return firstVersion(country)
  const rows = await drizzle(env.DB)
    .select()
    .from(policies)
    .where(and(eq(policies.country, country), eq(policies.version, version)))
  return (await openAll(env, rows))[0]
}

/** Fails as a whole when there is such a version already: its number is the lock. */
export function versionInsert(
  db: D1Database,
  { country, version }: Pick<Policy, 'country' | 'version'>,
  signed: Uint8Array,
): D1PreparedStatement {
  return db
    .prepare('INSERT INTO offline_policies (country, version, signed) VALUES (?, ?, ?)')
    .bind(country, version, signed)
}

/** A row is what its signed bytes say, under their own number, or it is none. */
async function openAll(env: Settings, rows: readonly Row[]): Promise<readonly SignedVersion[]> {
  const trusted = await configOf(env).trusted()
  const opened = await Promise.all(
    rows.map(async ({ country, version, signed }) => {
      const found = await openPolicyVersion(new Uint8Array(signed), trusted)
      if (found?.policy.country === country && found.policy.version === version) return found
      alarm('policy', 'a version of a policy that we did not sign', { country, version })
      return undefined
    }),
  )
  return opened.filter((version) => version !== undefined)
}
