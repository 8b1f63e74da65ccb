import type { AskedConsent, DeviceFilter, KnownDevice } from '../../../durable-objects/country/devices.ts'
import type { ProposalFilter } from '../../../durable-objects/country/policies.ts'
import type { WaitingFilter } from '../../../durable-objects/country/waiting.ts'
import { countryStub } from '../../../durable-objects/device/bindings.ts'
import { COUNTRIES, type Country } from '../../protocol/policy.ts'
import type { Env } from '../env.ts'
import { logger } from '../log.ts'
import type { BundleRow } from './index-message.ts'
import type { ProposalRow, VersionRow } from './policy-rows.ts'

/**
 * Lists that people act by, from the Country Objects: what D1 has or lacks hides nothing of them. Of all countries they are asked
 * one by one and merged. One that does not answer, twice, fails the list: people ask again, and nobody takes a part for all.
 *
 * @throws what an object throws
 */
type Countries = Pick<Env, 'COUNTRY'>
type Stub = ReturnType<typeof countryStub>

/** An object that is started anew, by a deploy or by its platform, answers the second call. */
const ATTEMPTS = 2

async function ask<T>(env: Countries, country: Country, call: (stub: Stub) => Promise<unknown>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      // A stub of its own each time: one whose object was reset stays broken.
      return (await call(countryStub(env, country))) as T
    } catch (error) {
      if (attempt >= ATTEMPTS) throw error
      logger.warn('the object of a country is asked again', { country, error })
    }
  }
}

/** @param country undefined: all */
export const askCountries = <T>(
  env: Countries,
  country: Country | undefined,
  call: (stub: Stub) => Promise<unknown>,
): Promise<readonly T[]> =>
  Promise.all((country === undefined ? COUNTRIES : [country]).map((one) => ask<T>(env, one, call)))

/** One page out of the pages of all countries, and one more when there are more. */
const merged = <T>(pages: readonly (readonly T[])[], compare: (a: T, b: T) => number, limit: number): readonly T[] =>
  pages.length === 1
    ? (pages[0] ?? [])
    : pages
        .flat()
        .sort(compare)
        .slice(0, limit + 1)

/** Bundles that wait for people or for a payer. */
export async function listWaiting(
  env: Countries,
  { country, ...filter }: WaitingFilter & { readonly country?: Country | undefined },
  limit: number,
): Promise<readonly BundleRow[]> {
  const pages = await askCountries<readonly BundleRow[]>(env, country, (stub) => stub.waiting(filter, limit))
  return merged(pages, filter.order === 'oldest' ? byTime : (a, b) => byTime(b, a), limit)
}

/** In the order of their ids. */
export async function listDevices(
  env: Countries,
  { country, ...filter }: DeviceFilter & { readonly country?: Country | undefined },
  limit: number,
): Promise<readonly KnownDevice[]> {
  const pages = await askCountries<readonly KnownDevice[]>(env, country, (stub) => stub.devices(filter, limit))
  return merged(pages, (a, b) => inOrder(a.device.deviceId, b.device.deviceId), limit)
}

/** Consent that one person asked for and another one may confirm, the longest waiting first. */
export async function listAskedConsents(
  env: Countries,
  country: Country | undefined,
  filter: { readonly tenant: string | undefined; readonly after: readonly [number, string] | undefined },
  limit: number,
): Promise<readonly AskedConsent[]> {
  const pages = await askCountries<readonly AskedConsent[]>(env, country, (stub) => stub.askedConsents(filter, limit))
  const byAge = (a: AskedConsent, b: AskedConsent) =>
    a.request.askedAtMs - b.request.askedAtMs || inOrder(a.device.deviceId, b.device.deviceId)
  return merged(pages, byAge, limit)
}

/** @param rows that its object is to keep @returns the newest that it keeps */
export const keepVersions = (
  env: Countries,
  country: Country,
  rows: readonly KeptVersion[],
  limit: number,
): Promise<readonly KeptVersion[]> => ask(env, country, (stub) => stub.policyVersions(rows, limit))
type KeptVersion = Pick<VersionRow, 'version' | 'signed'>

/** @param rows that the objects are to keep @returns proposals that they keep, the newest first */
export async function keepProposals(
  env: Countries,
  country: Country | undefined,
  rows: readonly ProposalRow[],
  filter: ProposalFilter,
  limit: number,
): Promise<readonly ProposalRow[]> {
  const pages = await Promise.all(
    (country === undefined ? COUNTRIES : [country]).map((one) => {
      const own = rows.filter((row) => row.country === one)
      return ask<readonly ProposalRow[]>(env, one, (stub) => stub.policyProposals(own, filter, limit))
    }),
  )
  return merged(pages, (a, b) => inOrder(b.id, a.id), limit)
}

/** Before an object is asked to be a device: the sweep reaches it, whatever becomes of its alarm. */
export const expectDevice = (env: Countries, country: Country, deviceId: string): Promise<void> =>
  ask(env, country, (stub) => stub.expect(deviceId))

export const byTime = (a: BundleRow, b: BundleRow): number =>
  a.receivedAt - b.receivedAt || inOrder(a.bundleId, b.bundleId) || inOrder(a.deviceId, b.deviceId)

/** As SQLite orders texts of ASCII. */
const inOrder = (a: string, b: string): number => (a < b ? -1 : Number(a > b))
