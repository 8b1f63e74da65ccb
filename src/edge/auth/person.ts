/** Roles of people. `pay_admin` may do everything. */
export const ROLES = ['pay_admin', 'pay_reviewer', 'pay_auditor'] as const
export type Role = (typeof ROLES)[number]

/** Somebody whose token was verified. */
export interface Person {
  /** One for one human being, whichever issuer they come through: votes that need two people rest on it. */
  readonly subject: string
  readonly roles: readonly Role[]
  /** Sees only this tenant's devices and bundles; undefined sees all. */
  readonly tenant: string | undefined
}

/** Whether one of the person's roles is among those allowed. */
export const rolesAllow = ({ roles }: Person, allowed: readonly Role[]): boolean =>
  roles.includes('pay_admin') || roles.some((role) => allowed.includes(role))

/** Whether a person may see what belongs to this tenant. */
export const seesTenant = ({ tenant }: Person, owner: string): boolean => tenant === undefined || tenant === owner
