import * as z from 'zod'
import { err, ok, type Result } from '../../protocol/result.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { type Person, ROLES, type Role } from './person.ts'
import type { Claims } from './verify-token.ts'

const tenant = z.string().regex(/^[A-Za-z0-9._-]{1,64}$/)
const subject = z.string().min(1).max(128)
const oidcClaims = z.object({
  sub: subject,
  roles: z.array(z.enum(ROLES)).max(ROLES.length),
  tenant: tenant.optional(),
})

/** A person by the claims of our own issuer: `roles` are ours and nothing else is among them. */
export function oidcPerson(claims: Claims): Result<Person, Refusal> {
  const read = oidcClaims.safeParse(claims)
  if (!read.success) return err({ code: 'unauthorized' })
  const { sub, roles, tenant } = read.data
  return withRoles({ subject: sub, roles: [...new Set(roles)], tenant })
}

/** Where Cloudflare Access puts what we need; claims of its identity provider are below `custom`. */
export interface AccessClaims {
  /** Path of the claim that names groups. */
  readonly rolesClaim: string
  /** Group → role. */
  readonly roles: Readonly<Record<string, Role>>
  /**
   * Path of the claim that holds the subject that the person has with our own issuer. With `sub`, which is Access's own
   * number for them, they are somebody else there: `access:<sub>`.
   */
  readonly subjectClaim: string
  /** Path of the claim that names the tenant; without it everybody sees all. */
  readonly tenantClaim: string | undefined
}

/** `type` is `app` in a token for an application; the team's own session token has another. */
const accessClaims = z.object({ sub: subject, type: z.literal('app'), subject })
const groups = z.union([z.array(z.string()), z.string().transform((group) => [group])]).default([])

/** A person by the claims of Cloudflare Access: groups are somebody else's names, those that we do not map say nothing. */
export function accessPerson(claims: Claims, where: AccessClaims): Result<Person, Refusal> {
  const read = accessClaims.safeParse({ ...claims, subject: at(claims, where.subjectClaim) })
  const named = groups.safeParse(at(claims, where.rolesClaim))
  const tenantClaim = where.tenantClaim === undefined ? undefined : at(claims, where.tenantClaim)
  // Where a tenant is expected its absence is a fault: it must not open everything.
  const own = where.tenantClaim === undefined ? { success: true, data: undefined } : tenant.safeParse(tenantClaim)
  if (!read.success || !named.success || !own.success) return err({ code: 'unauthorized' })
  const mapped = named.data.flatMap((group) => (Object.hasOwn(where.roles, group) ? (where.roles[group] ?? []) : []))
  const whose = where.subjectClaim === 'sub' ? `access:${read.data.subject}` : read.data.subject
  return withRoles({ subject: whose, roles: [...new Set(mapped)], tenant: own.data })
}

/** Somebody without a role is known, and may do nothing. */
const withRoles = (person: Person): Result<Person, Refusal> =>
  person.roles.length > 0 ? ok(person) : err({ code: 'forbidden' })

function at(claims: Claims, path: string): unknown {
  let value: unknown = claims
  for (const name of path.split('.')) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
