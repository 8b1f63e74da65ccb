import type { Context } from 'hono'
import { createRemoteJWKSet, errors, type JWTPayload, jwtVerify } from 'jose'
import * as z from 'zod'
import { configOf } from '../config.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { err, ok, type Result } from '../protocol/result.ts'
import type { App } from './app-types.ts'

/** Roles of people. `pay_admin` may do everything. */
export const ROLES = ['pay_admin', 'pay_reviewer', 'pay_auditor'] as const
export type Role = (typeof ROLES)[number]

export interface Person {
  readonly subject: string
  readonly roles: readonly Role[]
  /** Sees only this tenant's devices and bundles; undefined sees all. */
  readonly tenant: string | undefined
}

/** Signature algorithms that a token may use: asymmetric ones, pinned, so that `none` and HMAC tricks do not exist. */
const ALGORITHMS = ['RS256', 'ES256', 'EdDSA']
const CLOCK_TOLERANCE_S = 30

const claimsSchema = z.object({
  sub: z.string().min(1).max(128),
  roles: z.array(z.enum(ROLES)).min(1).max(ROLES.length),
  tenant: z.string().min(1).max(64).optional(),
})

type Jwks = ReturnType<typeof createRemoteJWKSet>
const jwksByUrl = new Map<string, Jwks>()

/** Verifies the bearer token of a person who needs one of these roles. */
export async function authenticate(c: Context<App>, allowed: readonly Role[]): Promise<Result<Person, Refusal>> {
  const { settings } = configOf(c.env)
  const [scheme, token] = (c.req.header('authorization') ?? '').split(' ')
  if (scheme !== 'Bearer' || token === undefined) return err({ code: 'unauthorized' })
  const payload = await verify(token, settings.OIDC_JWKS_URL, settings.OIDC_ISSUER, settings.OIDC_AUDIENCE)
  if (!payload.ok) return payload
  const claims = claimsSchema.safeParse(payload.value)
  if (!claims.success) return err({ code: 'unauthorized' })
  const { sub, roles, tenant } = claims.data
  const permitted = roles.includes('pay_admin') || roles.some((role) => allowed.includes(role))
  return permitted ? ok({ subject: sub, roles, tenant }) : err({ code: 'forbidden' })
}

async function verify(token: string, jwksUrl: string, issuer: string, audience: string) {
  let jwks = jwksByUrl.get(jwksUrl)
  if (jwks === undefined) {
    jwks = createRemoteJWKSet(new URL(jwksUrl), { cooldownDuration: 30_000 })
    jwksByUrl.set(jwksUrl, jwks)
  }
  try {
    const options = { issuer, audience, algorithms: ALGORITHMS, clockTolerance: CLOCK_TOLERANCE_S }
    const { payload } = await jwtVerify(token, jwks, { ...options, requiredClaims: ['exp', 'sub'] })
    return ok(payload) as Result<JWTPayload, Refusal>
  } catch (error) {
    // Whether the issuer's keys cannot be had or the token is bad: a person must be able to tell the two apart.
    const outage = !(error instanceof errors.JOSEError) || error instanceof errors.JWKSTimeout
    return err<Refusal>(outage ? { code: 'temporarily_unavailable', retryAfterS: 30 } : { code: 'unauthorized' })
  }
}

/** Whether a person may see what belongs to this tenant. */
export const seesTenant = (person: Person, tenant: string): boolean =>
  person.tenant === undefined || person.tenant === tenant
