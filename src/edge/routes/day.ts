import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { dayRange } from '../../protocol/day-range.ts'
import type { Country } from '../../protocol/policy.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { policyNow } from '../ingest/policy-cache.ts'
import type { Refusal } from '../ingest/refusal.ts'
import type { Day } from '../store/received.ts'
import type { App } from './app-types.ts'
import { country } from './params.ts'

/** What routes about one day of a country take. */
export const dayQuery = {
  date: z
    .string()
    .refine((date) => dayRange(date, 'UTC') !== undefined)
    .openapi({ example: '2027-03-04', description: 'A day of the country’s own calendar' }),
  country,
}

/** The day in the zone of the country's policy, by the time of the receipts. */
export async function dayOf(
  c: Context<App>,
  date: string,
  country: Country,
): Promise<Result<Day & { readonly timeZone: string }, Refusal>> {
  const inForce = await policyNow(c.env, country, Date.now())
  const range = inForce && dayRange(date, inForce.policy.timeZone)
  if (range === undefined) return err({ code: 'not_found' })
  return ok({ country, ...range, timeZone: inForce?.policy.timeZone ?? '' })
}
