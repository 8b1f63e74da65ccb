import type { Context } from 'hono'
import { PROBLEM_MEDIA_TYPE, PROBLEMS, type ProblemCode, problem } from '../../protocol/problems.ts'
import { rateHeaders } from '../ingest/rate-policy.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { CBOR_MEDIA_TYPE, prefersCbor } from './accept.ts'
import type { App } from './app-types.ts'

/** Turns a refusal into its problem answer (RFC 9457). */
export function refuse(c: Context<App>, { code, serverTimeMs, retryAfterS, rate, detail }: Refusal): Response {
  c.set('problem', code)
  const body = problem(code, {
    ...(serverTimeMs !== undefined && { server_time: serverTimeMs }),
    ...(detail !== undefined && { detail }),
  })
  const headers: Record<string, string> = { 'content-type': PROBLEM_MEDIA_TYPE, 'cache-control': 'no-store' }
  if (rate !== undefined) Object.assign(headers, rateHeaders(rate, retryAfterS))
  if (retryAfterS !== undefined) headers['retry-after'] = String(retryAfterS)
  if (PROBLEMS[code].status === 401) headers['www-authenticate'] = 'Bearer, Molam-Device'
  return c.body(JSON.stringify(body), PROBLEMS[code].status, headers)
}

/** Why a Device Object did not do what it was asked, as an answer. */
export function objectRefusal(code: ProblemCode): Refusal {
  if (code === 'temporarily_unavailable') return { code, retryAfterS: 5 }
  // Too much that nobody has taken off it yet, or no room today.
  return code === 'rate_limited' ? { code, retryAfterS: 60 } : { code }
}

/** Devices ask for CBOR; everybody else gets JSON. */
export const wantsCbor = (c: Context<App>): boolean => prefersCbor(c.req.header('accept'))

export function cbor(c: Context<App>, bytes: Uint8Array): Response {
  return c.body(new Uint8Array(bytes).buffer, 200, { 'content-type': CBOR_MEDIA_TYPE, 'cache-control': 'no-store' })
}
