import { countryStub } from '../../../durable-objects/device/bindings.ts'
import type { DeniedPass } from '../../protocol/denied.ts'
import { DENIED_PER_NOTICE_MAX } from '../../protocol/limits.ts'
import type { Country } from '../../protocol/policy.ts'
import type { Env } from '../env.ts'
import { logger } from '../log.ts'
import { withDeadline } from './deadline.ts'

/** A stopped phone is known to takers that ask so much later at the most. */
const FRESH_MS = 15_000
/** How long a notice waits for the object of the country. */
const READ_DEADLINE_MS = 1_000
/** Of a country, the newest: as many phones as are stopped in a week, and many more. */
const DENIED_MAX = 5_000

interface Held {
  readonly denied: readonly DeniedPass[]
  readonly readAtMs: number
}
const held = new Map<Country, Held>()

/**
 * Changes to the passes that a taker must not believe, after those that it knows. While the object of the country does not answer, those
 * that were known last.
 *
 * @param since the version that the taker has
 */
export async function deniedSince(
  env: Pick<Env, 'COUNTRY'>,
  country: Country,
  since: number,
  nowMs: number,
): Promise<readonly DeniedPass[]> {
  const { denied } = await fresh(env, country, nowMs)
  const news = denied.filter(({ version, untilMs }) => version > since && untilMs > nowMs)
  return news.slice(0, DENIED_PER_NOTICE_MAX)
}

async function fresh(env: Pick<Env, 'COUNTRY'>, country: Country, nowMs: number): Promise<Held> {
  const before = held.get(country)
  if (before !== undefined && nowMs - before.readAtMs < FRESH_MS) return before
  let denied = before?.denied ?? []
  try {
    denied = await withDeadline(countryStub(env, country).deniedPasses(DENIED_MAX), READ_DEADLINE_MS)
  } catch (error) {
    logger.warn('passes that are denied cannot be read; the last known are told', { country, error })
  }
  const read = { denied, readAtMs: nowMs }
  held.set(country, read)
  return read
}

/** For tests, which stop phones within one isolate. */
export function forgetDenied(): void {
  held.clear()
}
