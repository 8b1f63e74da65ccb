import type * as z from 'zod'

/** Bytes of a JSON body that a person or tool sends to the admin API. */
export const JSON_BYTES_MAX = 64 * 1024

/** Names the fields that are wrong, never their values. */
export function faultsOf(error: z.ZodError): string {
  return error.issues
    .slice(0, 10)
    .map((issue) => `${issue.path.join('.') || 'request'}: ${issue.code}`)
    .join(', ')
}
