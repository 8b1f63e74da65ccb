import { z } from '@hono/zod-openapi'
import { publicKeyOf } from '../../crypto/public-key.ts'
import { verifySign1 } from '../../crypto/sign1.ts'
import { InvalidKey, type PublicKey } from '../../crypto/suite.ts'
import { keyId } from '../../crypto/thumbprint.ts'
import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { equalBytes } from '../../protocol/bytes.ts'
import { htuOf } from '../../protocol/device-proof.ts'
import type { DeviceKey } from '../../protocol/messages.ts'
import type { Policy } from '../../protocol/policy.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { signedNow } from '../ingest/clock.ts'
import { readProof } from '../ingest/device-auth.ts'
import type { Refusal } from '../ingest/refusal.ts'

/** A new key as requests carry it: the key, and a device proof for this very request that was made with it. */
export const newKey = {
  public_key: z
    .union([z.record(z.string(), z.unknown()), z.string().max(2048)])
    .openapi({ description: 'JWK (RFC 7517) or PEM SPKI: P-256, Ed25519, or RSA of 2048–4096 bits with e = 65537' }),
  alg: z.enum(['ES256', 'EdDSA', 'PS256', 'RS256']).optional(),
  proof: z.string().max(4096),
}

export interface NewKey {
  readonly public_key: Readonly<Record<string, unknown>> | string
  readonly alg?: string | undefined
  readonly proof: string
}

/** A key whose holder made the request for this device. */
export interface ProvenKey extends DeviceKey {
  /** Whether it was made now. One that was not may still repeat a request that was. */
  readonly isNow: boolean
}

/** @returns the key, once the request proves that whoever holds it made the request */
export async function ownKey(
  body: NewKey,
  deviceId: string,
  request: Request,
  policy: Policy,
  nowMs: number,
): Promise<Result<ProvenKey, Refusal>> {
  let key: PublicKey
  try {
    key = await publicKeyOf(body.public_key, body.alg)
    const [verifier, kid] = [await webCryptoSuite.verifier(key), await keyId(webCryptoSuite, key)]
    const proof = readProof(body.proof)
    const holds =
      proof !== undefined &&
      proof.claims.deviceId === deviceId &&
      equalBytes(proof.claims.kid, kid) &&
      proof.claims.alg === key.alg &&
      proof.claims.htm === request.method &&
      proof.claims.htu === htuOf(request.url) &&
      (await verifySign1(verifier, proof, 'molam-device-proof-v1'))
    if (!holds) return err({ code: 'key_not_proven' })
    const isNow = signedNow({ signedAtMs: proof.claims.issuedAtMs, relay: false }, policy, nowMs)
    return ok({ alg: key.alg, kid, publicKey: key.bytes, isNow })
  } catch (error) {
    if (error instanceof InvalidKey) return err({ code: 'weak_key', detail: error.message })
    throw error
  }
}

/** Told only to who holds the key, so that a device whose battery was flat can make its proof again. */
export const notNow = (nowMs: number): Refusal => ({ code: 'clock_skew', serverTimeMs: nowMs })

/** The device that a proof claims to be made by, before anything is verified. */
export const claimedDevice = (proof: string) => readProof(proof)?.claims.deviceId
