import { toBase64url } from '../../protocol/bytes.ts'
import { encodeKeySet } from '../../protocol/keyset.ts'
import { configOf } from '../config.ts'
import { deviceStub } from '../env.ts'
import { deniedSince } from '../ingest/denied-passes.ts'
import { authenticateDevice } from '../ingest/device-auth.ts'
import { readDeviceHeaders } from '../ingest/device-headers.ts'
import { policyFor } from '../ingest/policy-cache.ts'
import { makeNotice } from '../ingest/sign-notice.ts'
import { withinSignedQuota } from '../ingest/signed-quota.ts'
import { cbor, refuse, wantsCbor } from './answers.ts'
import { provenBy } from './app-types.ts'
import { keySet, notice as noticeAnswer } from './schemas/field.ts'
import { json, routes, secured } from './secured.ts'
import { keySetJson, noticeJson } from './signed-json.ts'

const notice = secured('device', {
  method: 'get',
  path: '/offline/notice',
  summary: 'What a device missed, when it has nothing to push',
  tags: ['devices in the field'],
  answers: { 200: json(noticeAnswer, 'The notice; as CBOR with `Accept: application/cbor`') },
  refusals: ['invalid_signature', 'device_revoked', 'clock_skew', 'rate_limited'],
})

const keys = secured('public', {
  method: 'get',
  path: '/offline/keys',
  summary: "The edge's public keys",
  tags: ['devices in the field'],
  answers: { 200: json(keySet, 'The keys; as CBOR with `Accept: application/cbor`') },
})

/** `GET /offline/notice`: what a device missed, when it has nothing to push. `GET /offline/keys`: the edge's public keys. */
export const noticeRoutes = routes()
  .openapi(notice, async (c) => {
    const nowMs = Date.now()
    const state = readDeviceHeaders(c.req.raw.headers)
    if (!state.ok) return refuse(c, state.error)
    const authenticated = await authenticateDevice(c.req.raw, undefined, c.env, nowMs)
    if (!authenticated.ok) return refuse(c, authenticated.error)
    const { device, proof } = authenticated.value
    provenBy(c, proof.claims.deviceId)
    const within = await withinSignedQuota(c.env, proof.claims.deviceId, 'notice', proof, nowMs)
    if (!within.ok) return refuse(c, within.error)
    const { cursor, wantsPass } = state.value
    const parts = await deviceStub(c.env, proof.claims.deviceId).notice(proof.claims.kid, { cursor, wantsPass })
    if (!parts.ok) return refuse(c, { code: parts.error })
    const [policy, denied] = await Promise.all([
      policyFor(c.env, device.country, device.policy, nowMs),
      deniedSince(c.env, device.country, state.value.deniedVersion, nowMs),
    ])
    const keys = await configOf(c.env).keys()
    const { deviceId, nonce } = proof.claims
    const signed = await makeNotice(keys, deviceId, { ...parts.value, denied }, state.value, policy, nowMs, nonce)
    return wantsCbor(c) ? cbor(c, signed) : c.json({ ...noticeJson(signed), signed: toBase64url(signed) })
  })
  .openapi(keys, async (c) => {
    const keySet = await (await configOf(c.env).keys()).keySet()
    if (wantsCbor(c)) return cbor(c, encodeKeySet(keySet))
    return c.json(keySetJson(keySet), 200, { 'cache-control': 'public, max-age=300' })
  })
