import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { CODE_TRIES_MAX } from '../../protocol/limits.ts'
import { err, ok } from '../../protocol/result.ts'
import { deviceStub } from '../env.ts'
import { authenticateDevice } from '../ingest/device-auth.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { withinSignedQuota } from '../ingest/signed-quota.ts'
import { requestOf } from './actor.ts'
import { objectRefusal, refuse } from './answers.ts'
import { type App, provenBy } from './app-types.ts'
import { codeAsked, codeCame } from './schemas/words.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

const REFUSALS = [
  ...(['unauthorized', 'invalid_signature', 'clock_skew', 'device_suspended', 'device_revoked'] as const),
  ...(['state_conflict', 'rate_limited'] as const),
] as const

const ask = secured('device', {
  method: 'post',
  path: '/offline/consents/code',
  summary: "A device asks that a code goes to its wallet's holder; whoever enters the code lets the device pay",
  tags: ['devices in the field'],
  answers: { 200: json(codeAsked, 'The request that is open: a new one, or the one before') },
  refusals: [...REFUSALS],
})

const answer = secured('device', {
  method: 'post',
  path: '/offline/consents/code/answer',
  summary: "What was entered as the holder's code; to send it again says how far it is",
  tags: ['devices in the field'],
  request: {
    body: jsonBody(
      z.strictObject({
        no: z.int().min(1).openapi({ description: 'Of the request' }),
        code: z
          .string()
          .regex(/^\d{8}$/)
          .openapi({ example: '04183920' }),
      }),
    ),
  },
  answers: { 200: json(codeCame, `What came of it; a request takes ${CODE_TRIES_MAX} answers`) },
  refusals: [...REFUSALS],
})

/**
 * `POST /offline/consents/code`, `…/answer`: the device proves itself → its object keeps the request, or what was entered, and owes it
 * to the reconciler, which alone knows codes and telephone numbers. To send either again is always safe.
 */
export const consentCodeRoutes = routes()
  .openapi(ask, async (c) => {
    const device = await proven(c)
    if (!device.ok) return refuse(c, device.error)
    const asked = await deviceStub(c.env, device.value.deviceId).askCode(device.value.kid, requestOf(c))
    if (!asked.ok) return refuse(c, objectRefusal(asked.error))
    const { no, untilMs, state } = asked.value
    return c.json({ no, until: untilMs, state })
  })
  .openapi(answer, async (c) => {
    const device = await proven(c)
    if (!device.ok) return refuse(c, device.error)
    const { no, code } = c.req.valid('json')
    const { deviceId, kid } = device.value
    const came = await deviceStub(c.env, deviceId).answerCode(kid, no, code, requestOf(c))
    // Unavailable: the answer before it waits for the book still.
    if (!came.ok) return refuse(c, objectRefusal(came.error))
    const { state, triesLeft, paysUntilMs } = came.value
    return c.json({ state, tries_left: triesLeft, ...(paysUntilMs !== undefined && { pays_until: paysUntilMs }) })
  })

async function proven(c: Context<App>) {
  const nowMs = Date.now()
  const authenticated = await authenticateDevice(c.req.raw, await c.req.arrayBuffer(), c.env, nowMs)
  if (!authenticated.ok) return authenticated
  const { device, proof } = authenticated.value
  const { deviceId, kid } = proof.claims
  provenBy(c, deviceId)
  if (device.status !== 'active') return err<Refusal>({ code: `device_${device.status}` })
  const within = await withinSignedQuota(c.env, deviceId, 'consent', proof, nowMs)
  return within.ok ? ok({ deviceId, kid }) : within
}
