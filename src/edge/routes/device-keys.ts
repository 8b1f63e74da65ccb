import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import type { Person } from '../../../durable-objects/device/person.ts'
import { thumbprint } from '../../crypto/thumbprint.ts'
import { webCryptoSuite } from '../../crypto/webcrypto.ts'
import { equalBytes, toHex } from '../../protocol/bytes.ts'
import type { DeviceProofHeader } from '../../protocol/device-proof.ts'
import type { DeviceKey } from '../../protocol/messages.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { deviceStub } from '../env.ts'
import { authenticateDevice, deviceToken } from '../ingest/device-auth.ts'
import { policyFor } from '../ingest/policy-cache.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { actorOf, requestOf } from './actor.ts'
import { refuse } from './answers.ts'
import { type App, provenBy } from './app-types.ts'
import { authenticate } from './auth.ts'
import { newKey, notNow, ownKey } from './own-key.ts'
import { deviceParams, writeHeaders } from './params.ts'
import { heldKey } from './schemas/devices.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

const rotate = secured('device_or_admin', {
  method: 'post',
  path: '/offline/devices/{device_id}/keys',
  summary: 'Give a device another key; proven by the new key, and by the old one, which names it, or an admin',
  tags: ['devices'],
  request: {
    params: deviceParams,
    headers: writeHeaders,
    body: jsonBody(
      z.strictObject({
        ...newKey,
        old_key: z.enum(['retire', 'revoke']).default('retire').openapi({
          description: 'retire: what it has signed may still come. revoke: it was lost (admins only)',
        }),
      }),
    ),
  },
  answers: { 200: json(heldKey, 'The key that the device has now') },
  refusals: ['weak_key', 'key_not_proven', 'clock_skew', 'state_conflict', 'idempotency_conflict'],
})

/** Rotation of a device's key. */
export const deviceKeyRoutes = routes().openapi(rotate, async (c) => {
  const { device_id } = c.req.valid('param')
  const body = c.req.valid('json')
  const by = await holderOrAdmin(c, device_id)
  if (!by.ok) return refuse(c, by.error)
  if (by.value.actor === 'device' && body.old_key === 'revoke') return refuse(c, { code: 'forbidden' })
  const nowMs = Date.now()
  const object = deviceStub(c.env, device_id)
  const identity = await object.identity()
  if (!identity.ok) return refuse(c, { code: identity.error })
  const known = identity.value
  if (by.value.tenant !== undefined && by.value.tenant !== known.tenant) return refuse(c, { code: 'not_found' })
  const policy = await policyFor(c.env, known.country, known.policy, nowMs)
  const key = await ownKey(body, device_id, c.req.raw, policy, nowMs)
  if (!key.ok) return refuse(c, key.error)
  if (by.value.proof && !(await isConfirmed(key.value, by.value.proof))) {
    return refuse(c, { code: 'key_not_proven', detail: 'the proof by the old key must confirm the new one (cnf)' })
  }
  // A key that was replaced can repeat the request that replaced it, and nothing else.
  const repeated = equalBytes(key.value.kid, known.kid)
  if (by.value.proof && !repeated && !equalBytes(by.value.proof.kid, known.kid)) {
    return refuse(c, { code: 'invalid_signature' })
  }
  const { proof: _, ...person } = by.value
  const { isNow, ...proven } = key.value
  const answer = { device_id, kid: toHex(proven.kid) }
  if (!isNow) return (await object.hasAnswered(person)) ? c.json(answer) : refuse(c, notNow(nowMs))
  const result = await object.rotateKey(proven, body.old_key === 'revoke' ? 'revoked' : 'retiring', person)
  if (result.ok) return c.json(answer)
  const detail = result.error === 'weak_key' ? 'the device has, or had, this key' : undefined
  return refuse(c, { code: result.error, ...(detail && { detail }) })
})

interface ByDevice {
  /** What the key that the device has, or had, says about this request. */
  readonly proof?: DeviceProofHeader
}

/** Whoever sees a proof could otherwise send it with a key of his own. */
async function isConfirmed({ alg, publicKey }: DeviceKey, { confirms }: DeviceProofHeader): Promise<boolean> {
  return confirms !== undefined && equalBytes(confirms, await thumbprint(webCryptoSuite, { alg, bytes: publicKey }))
}

/** Whoever proves the old key, or may administrate. */
async function holderOrAdmin(c: Context<App>, deviceId: string): Promise<Result<Person & ByDevice, Refusal>> {
  if (deviceToken(c.req.raw.headers) === undefined) {
    const person = await authenticate(c, ['pay_admin'])
    if (!person.ok) return person
    c.set('person', person.value)
    return actorOf(c)
  }
  const authenticated = await authenticateDevice(c.req.raw, await c.req.arrayBuffer(), c.env, Date.now(), 'older_too')
  if (!authenticated.ok) return authenticated
  const { proof, device } = authenticated.value
  if (proof.claims.deviceId !== deviceId) return err({ code: 'forbidden' })
  if (device.status !== 'active') return err({ code: `device_${device.status}` })
  provenBy(c, deviceId)
  const by = { actor: 'device', ...requestOf(c) }
  return ok({ ...by, proof: proof.claims })
}
