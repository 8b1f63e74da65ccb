import { Hono } from 'hono'
import { configOf } from '../config.ts'
import { deviceStub } from '../env.ts'
import { authenticateDevice } from '../ingest/device-auth.ts'
import { readDeviceHeaders } from '../ingest/device-headers.ts'
import { policyFor } from '../ingest/policy-cache.ts'
import { makeNotice } from '../ingest/sign-notice.ts'
import { toBase64url } from '../protocol/bytes.ts'
import { encodeKeySet } from '../protocol/keyset.ts'
import { cbor, refuse, wantsCbor } from './answers.ts'
import type { App } from './app-types.ts'
import { keySetJson, noticeJson } from './signed-json.ts'

/** `GET /offline/notice`: what a device missed, when it has nothing to push. `GET /offline/keys`: the edge's public keys. */
export const noticeRoutes = new Hono<App>()
  .get('/offline/notice', async (c) => {
    const nowMs = Date.now()
    const state = readDeviceHeaders(c.req.raw.headers)
    if (!state.ok) return refuse(c, state.error)
    const authenticated = await authenticateDevice(c.req.raw, c.env, nowMs)
    if (!authenticated.ok) return refuse(c, authenticated.error)
    const { device, proof } = authenticated.value
    const { success } = await c.env.PUSH_RATE.limit({ key: proof.claims.deviceId })
    if (!success) return refuse(c, { code: 'rate_limited', retryAfterS: 60 })
    const parts = await deviceStub(c.env, proof.claims.deviceId).notice(state.value.cursor)
    const policy = await policyFor(c.env.DB, device.country, device.policy, nowMs)
    const keys = await configOf(c.env).keys()
    const { signed } = await makeNotice(keys, proof.claims.deviceId, parts, state.value, policy, nowMs)
    return wantsCbor(c) ? cbor(c, signed) : c.json({ ...noticeJson(signed), signed: toBase64url(signed) })
  })
  .get('/offline/keys', async (c) => {
    const keySet = await (await configOf(c.env).keys()).keySet()
    if (wantsCbor(c)) return cbor(c, encodeKeySet(keySet))
    return c.json(keySetJson(keySet), 200, { 'cache-control': 'public, max-age=300' })
  })
