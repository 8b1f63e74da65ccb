/**
 * A lease id names a message, the delivery it belongs to, and a secret of the message, so that it can be checked
 * without a table of leases, and so that an older lease of a message is still recognised.
 */
export interface Lease {
  readonly seq: number
  readonly attempt: number
  readonly secret: string
}

export function encodeLease(lease: Lease): string {
  return btoa(`${lease.seq}.${lease.attempt}.${lease.secret}`).replace(/=+$/, '')
}

/** The lease, or undefined for anything that this broker did not hand out. */
export function decodeLease(leaseId: unknown): Lease | undefined {
  if (typeof leaseId !== 'string' || !/^[A-Za-z0-9+/]{1,128}$/.test(leaseId)) return undefined
  let parts: RegExpExecArray | null
  try {
    parts = /^(\d{1,15})\.(\d{1,9})\.([0-9a-f]{32})$/.exec(atob(leaseId))
  } catch {
    return undefined
  }
  if (parts === null) return undefined
  const [, seq, attempt, secret] = parts
  return { seq: Number(seq), attempt: Number(attempt), secret: secret as string }
}
