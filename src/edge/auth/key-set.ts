import { type CryptoKey, importJWK } from 'jose'
import * as z from 'zod'
import { fromBase64url } from '../../protocol/bytes.ts'
import { KEYS_MAX, KID_CHARS_MAX } from './limits.ts'

/** Signature algorithms of tokens: asymmetric and pinned, so that `none` and HMAC tricks do not exist. */
export const ALGORITHMS = ['RS256', 'ES256', 'EdDSA'] as const
export type TokenAlgorithm = (typeof ALGORITHMS)[number]

/** An issuer's keys by algorithm and id: a token names both, and gets the key that was published for both. */
export interface KeySet {
  find(alg: TokenAlgorithm, kid: string): CryptoKey | undefined
}

const use = { use: z.literal('sig').optional(), key_ops: z.array(z.string()).optional(), d: z.undefined().optional() }
const named = { kid: z.string().min(1).max(KID_CHARS_MAX), ...use }
const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const signatureKey = z.union([
  // WebCrypto takes RSA from 512 bits and e = 3 on (CONTRIBUTING.md, traps).
  z.object({
    ...named,
    kty: z.literal('RSA'),
    alg: z.literal('RS256').default('RS256'),
    n: z.string().refine(isModulus),
    e: z.literal('AQAB'),
  }),
  z.object({
    ...named,
    kty: z.literal('EC'),
    crv: z.literal('P-256'),
    alg: z.literal('ES256').default('ES256'),
    x: coordinate,
    y: coordinate,
  }),
  z.object({
    ...named,
    kty: z.literal('OKP'),
    crv: z.literal('Ed25519'),
    alg: z.literal('EdDSA').default('EdDSA'),
    x: coordinate,
  }),
])
const keySet = z.object({ keys: z.array(z.unknown()).max(KEYS_MAX) })

/**
 * Reads a JWK set (RFC 7517 §5). Keys that are for something else, or too weak, are left out; so are two that share
 * algorithm and id, since nothing tells which of them is meant.
 *
 * @returns undefined when this is no set, or there is nothing in it that could verify a token: an issuer that withdrew
 *   its last key by mistake is an outage, and one that means it stops signing
 */
export async function readKeySet(text: string): Promise<KeySet | undefined> {
  const set = keySet.safeParse(parsed(text))
  if (!set.success) return undefined
  const usable = set.data.keys.flatMap((jwk) => {
    const { data } = signatureKey.safeParse(jwk)
    return data && (data.key_ops?.includes('verify') ?? true) ? [data] : []
  })
  const byName = Map.groupBy(usable, ({ alg, kid }) => `${alg} ${kid}`)
  const imported = await Promise.all(
    [...byName].map(async ([name, [jwk, ...others]]) => {
      if (jwk === undefined || others.length > 0) return []
      const { key_ops: _, d: __, use: ___, ...publicJwk } = jwk
      try {
        return [[name, (await importJWK(publicJwk, jwk.alg)) as CryptoKey] as const]
      } catch {
        // No point on the curve, for example.
        return []
      }
    }),
  )
  const keys = new Map(imported.flat())
  return keys.size === 0 ? undefined : { find: (alg, kid) => keys.get(`${alg} ${kid}`) }
}

function isModulus(n: string): boolean {
  try {
    const bytes = fromBase64url(n)
    return bytes.length >= 256 && bytes.length <= 512 && bytes[0] !== 0
  } catch {
    return false
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
