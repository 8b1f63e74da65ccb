import { openPolicyVersion } from '../../crypto/policy-version.ts'
import { firstVersion } from '../../protocol/first-policies.ts'
import { COUNTRIES, type Country } from '../../protocol/policy.ts'
import { configOf } from '../config.ts'
import type { Env } from '../env.ts'
import { logger } from '../log.ts'
import { keepVersions } from './countries.ts'
import { type KnownVersion, NEWEST_MAX } from './policies.ts'
import type { VersionRow } from './policy-rows.ts'

/**
 * The Country Objects keep every version that they were ever shown: a version that D1 has no more is known all the same, also to an
 * isolate that never read it.
 *
 * @param read what D1 has: what an object lacks of it, it keeps from now on
 * @returns theirs, the newest first; those of a country whose object does not answer are missing
 */
export async function keptVersions(
  env: Pick<Env, 'COUNTRY'>,
  read: ReadonlyMap<Country, readonly KnownVersion[]>,
  countries: readonly Country[] = COUNTRIES,
): Promise<ReadonlyMap<Country, readonly KnownVersion[]>> {
  const found = await Promise.all(
    countries.map(async (country) => {
      const rows = (read.get(country) ?? []).flatMap(rowOf)
      try {
        return [country, await opened(env, country, await keepVersions(env, country, rows, NEWEST_MAX))] as const
      } catch (error) {
        logger.warn('the object of a country does not say which policies it keeps', { country, error })
        return [country, []] as const
      }
    }),
  )
  return new Map(found)
}

/** A version was put in force. Its failure is made good by whoever reads it from D1 next. */
export async function keepVersion(env: Pick<Env, 'COUNTRY'>, row: VersionRow): Promise<void> {
  await keepVersions(env, row.country, [row], 1)
}

const rowOf = ({ policy, signed }: KnownVersion) => (signed === undefined ? [] : [{ version: policy.version, signed }])

async function opened(
  env: Pick<Env, 'COUNTRY'>,
  country: Country,
  rows: readonly Pick<VersionRow, 'version' | 'signed'>[],
): Promise<readonly KnownVersion[]> {
  const trusted = await configOf(env).trusted()
  const versions = await Promise.all(rows.map(({ signed }) => openPolicyVersion(signed, trusted)))
  const known: KnownVersion[] = versions.filter((version) => version !== undefined)
  // All of them are here, so the first one is before them. Of one that was never shown any nobody knows that.
  return known.length > 0 && rows.length < NEWEST_MAX ? [...known, firstVersion(country)] : known
}
