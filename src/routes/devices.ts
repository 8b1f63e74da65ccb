import { Hono } from 'hono'
import * as z from 'zod'
import type { Identity } from '../../durable-objects/types.ts'
import { verifySign1 } from '../crypto/sign1.ts'
import { InvalidKey } from '../crypto/suite.ts'
import { keyId } from '../crypto/thumbprint.ts'
import { jwkPoint, webCryptoSuite } from '../crypto/webcrypto.ts'
import { deviceStub } from '../env.ts'
import { signedNow } from '../ingest/clock.ts'
import { readProof } from '../ingest/device-auth.ts'
import { policiesInForce } from '../ingest/policy-cache.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { equalBytes, fromBase64url, toHex } from '../protocol/bytes.ts'
import { ES256 } from '../protocol/cose.ts'
import { htuOf } from '../protocol/device-proof.ts'
import { isDeviceId, isParty } from '../protocol/ids.ts'
import { COUNTRIES } from '../protocol/policy.ts'
import { err, ok, type Result } from '../protocol/result.ts'
import { refuse } from './answers.ts'
import type { App } from './app-types.ts'
import { authenticate, seesTenant } from './auth.ts'
import { readJson } from './read-json.ts'

const coordinate = z.string().regex(/^[A-Za-z0-9_-]{43}$/)
const registration = z.strictObject({
  device_id: z.string().refine(isDeviceId, 'device_id'),
  country: z.enum(COUNTRIES),
  tenant: z.string().regex(/^[A-Za-z0-9._-]{1,64}$/),
  owner_wallet: z.string().refine(isParty, 'owner_wallet'),
  public_key: z.strictObject({ kty: z.literal('EC'), crv: z.literal('P-256'), x: coordinate, y: coordinate }),
  /** A device proof (protocol/device-proof.ts) for this request, made with the new key. */
  proof: z.string().max(4096),
})
type Registration = z.infer<typeof registration>

/** Devices, as far as registering and looking at one goes. */
export const deviceRoutes = new Hono<App>()
  .post('/offline/devices', async (c) => {
    const person = await authenticate(c, ['pay_admin'])
    if (!person.ok) return refuse(c, person.error)
    const body = await readJson(c.req.raw, registration)
    if (!body.ok) return refuse(c, body.error)
    if (!seesTenant(person.value, body.value.tenant)) return refuse(c, { code: 'forbidden' })
    const nowMs = Date.now()
    const policy = (await policiesInForce(c.env.DB, nowMs)).get(body.value.country)
    if (policy === undefined) return refuse(c, { code: 'temporarily_unavailable', retryAfterS: 5 })
    const key = await provenKey(body.value, c.req.method, c.req.url, (signedAtMs) =>
      signedNow({ signedAtMs, relay: false }, policy, nowMs),
    )
    if (!key.ok) return refuse(c, key.error)
    const { device_id: deviceId, country, tenant, owner_wallet: ownerWallet } = body.value
    if (!isDeviceId(deviceId)) return refuse(c, { code: 'invalid_request' })
    const facts = { deviceId, country, tenant, ownerWallet, policy, alg: ES256, ...key.value } as const
    const actor = { actor: `user:${person.value.subject}`, requestId: c.get('requestId') }
    const result = await deviceStub(c.env, deviceId).register(facts, actor)
    if (result === 'conflict') return refuse(c, { code: 'device_exists' })
    return c.json(
      { device_id: deviceId, country, tenant, kid: toHex(key.value.kid) },
      result === 'registered' ? 201 : 200,
    )
  })
  .get('/offline/devices/:device_id', async (c) => {
    const person = await authenticate(c, ['pay_reviewer', 'pay_auditor'])
    if (!person.ok) return refuse(c, person.error)
    const deviceId = c.req.param('device_id')
    if (!isDeviceId(deviceId)) return refuse(c, { code: 'not_found' })
    const facts = await deviceStub(c.env, deviceId).describe()
    if (facts === undefined || !seesTenant(person.value, facts.tenant)) return refuse(c, { code: 'not_found' })
    return c.json({
      device_id: deviceId,
      status: facts.status satisfies Identity['status'],
      country: facts.country,
      tenant: facts.tenant,
      registered_at: facts.registeredAtMs,
      last_seq: facts.head,
      missing_counters: facts.missing,
      owed: { settle: facts.owed.settle, index: facts.owed.index, oldest_at: facts.owed.oldestMs },
    })
  })

/** The key of a registration, once the request proves that its holder made the request. */
async function provenKey(
  body: Registration,
  method: string,
  url: string,
  isNow: (signedAtMs: number) => boolean,
): Promise<Result<{ publicKey: Uint8Array; kid: Uint8Array }, Refusal>> {
  try {
    // Two spellings of one coordinate must not make two keys.
    fromBase64url(body.public_key.x)
    fromBase64url(body.public_key.y)
    const publicKey = jwkPoint(body.public_key)
    const verifier = await webCryptoSuite.verifier({ alg: ES256, bytes: publicKey })
    const kid = await keyId(webCryptoSuite, { alg: ES256, bytes: publicKey })
    const proof = readProof(body.proof)
    const holds =
      proof !== undefined &&
      proof.claims.deviceId === body.device_id &&
      equalBytes(proof.claims.kid, kid) &&
      proof.claims.htm === method &&
      proof.claims.htu === htuOf(url) &&
      isNow(proof.claims.issuedAtMs) &&
      (await verifySign1(verifier, proof, 'molam-device-proof-v1'))
    return holds ? ok({ publicKey, kid }) : err({ code: 'key_not_proven' })
  } catch (error) {
    if (error instanceof InvalidKey || error instanceof RangeError) return err({ code: 'weak_key' })
    throw error
  }
}
