import { errors, jwtVerify } from 'jose'
import * as z from 'zod'
import { fromBase64url } from '../../protocol/bytes.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import type { IssuerKeys, KeyIo } from './issuer-keys.ts'
import { ALGORITHMS } from './key-set.ts'
import { CLOCK_TOLERANCE_S, KID_CHARS_MAX, TOKEN_AGE_MAX_S, TOKEN_CHARS_MAX } from './limits.ts'
import { parseUniqueJson } from './unique-members.ts'

/** Whose tokens are believed, and for whom they must be meant. */
export interface TokenIssuer {
  readonly issuer: string
  readonly audience: string
  readonly keys: IssuerKeys
}

export type TokenFault = 'invalid' | 'keys_unavailable'
export type Claims = Readonly<Record<string, unknown>>

const COMPACT = /^([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)$/

/** A token that says another type is one, signed by the same keys: a logout token, a security event, a DPoP proof. */
const TYPES = ['jwt', 'at+jwt', 'application/jwt', 'application/at+jwt']

/**
 * What a header may not carry: extensions that change what is signed or must be understood (`crit`, `b64`), tokens in
 * tokens (`cty`), compression and encryption, and keys that the sender would like us to use.
 */
const REFUSED_MEMBERS = ['crit', 'b64', 'cty', 'zip', 'enc', 'jwk', 'jku', 'x5u', 'x5c']

const headerSchema = z
  .record(z.string(), z.unknown())
  .refine((header) => !REFUSED_MEMBERS.some((name) => Object.hasOwn(header, name)))
  .pipe(
    z.object({
      alg: z.enum(ALGORITHMS),
      kid: z.string().min(1).max(KID_CHARS_MAX),
      typ: z
        .string()
        .refine((typ) => TYPES.includes(typ.toLowerCase()))
        .optional(),
    }),
  )

/**
 * Verifies a signed token: form → header → key → signature → issuer, audience, times. Nothing of the payload is looked
 * at before the signature holds. Without a fault it is the issuer's word, for us, now.
 */
export async function verifyToken(token: string, by: TokenIssuer, io: KeyIo): Promise<Result<Claims, TokenFault>> {
  const form = token.length <= TOKEN_CHARS_MAX ? COMPACT.exec(token) : null
  const header = headerSchema.safeParse(jsonOf(form?.[1]))
  if (!header.success || !isBase64url(form?.[3])) return err('invalid')
  const { alg, kid } = header.data
  const found = await by.keys.find(alg, kid, io)
  if (found.kind === 'unavailable') return err('keys_unavailable')
  if (found.kind === 'unknown') return err('invalid')
  try {
    await jwtVerify(token, found.key, {
      algorithms: [alg],
      issuer: by.issuer,
      audience: by.audience,
      clockTolerance: CLOCK_TOLERANCE_S,
      maxTokenAge: TOKEN_AGE_MAX_S,
      currentDate: new Date(io.nowMs()),
    })
  } catch (error) {
    if (error instanceof errors.JOSEError) return err('invalid')
    throw error
  }
  // Read again, for members that are named twice.
  const claims = jsonOf(form?.[2])
  const times = timesSchema.safeParse(claims)
  return times.success && times.data.exp > times.data.iat ? ok(claims as Claims) : err('invalid')
}

const timesSchema = z.object({ exp: z.number(), iat: z.number() })

/** Canonically: otherwise one token has many texts, and jose takes them all. */
function isBase64url(part: string | undefined): boolean {
  try {
    return fromBase64url(part ?? '').length > 0
  } catch {
    return false
  }
}

function jsonOf(part: string | undefined): unknown {
  try {
    return parseUniqueJson(
      new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(fromBase64url(part ?? '')),
    )
  } catch {
    return undefined
  }
}
