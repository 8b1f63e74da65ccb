import { z } from '@hono/zod-openapi'
import { MANDATE_BYTES_MAX, MANDATE_DAYS_MAX } from '../../protocol/limits.ts'
import { isWithinPolicy, parseMandate } from '../../protocol/mandates.ts'
import { DAY_MS, MINUTE_MS } from '../../protocol/time.ts'
import { deviceStub } from '../env.ts'
import { policyFor } from '../ingest/policy-cache.ts'
import { withinSignedQuota } from '../ingest/signed-quota.ts'
import { requestOf } from './actor.ts'
import { objectRefusal, refuse } from './answers.ts'
import { holdersWord } from './holders-word.ts'
import { mandateGiven } from './schemas/words.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

const mandateBody = z.strictObject({
  mandate: z
    .string()
    .max(Math.ceil((MANDATE_BYTES_MAX * 4) / 3))
    .openapi({ description: 'The signed mandate, a COSE_Sign1 as base64url (docs/protocol.md §5.2)' }),
})

const give = secured('device', {
  method: 'post',
  path: '/offline/mandates',
  summary:
    "The holder of a wallet lets small payments out of it that nobody signs, or ends that, with the wallet's device",
  tags: ['devices in the field'],
  request: { body: jsonBody(mandateBody) },
  answers: { 200: json(mandateGiven, 'The mandate is kept, and goes to the book') },
  refusals: [
    'invalid_signature',
    'device_suspended',
    'device_revoked',
    'consent_required',
    'mandate_above_policy',
    'clock_skew',
    'state_conflict',
    'rate_limited',
  ],
})

const MANDATE = { field: 'mandate', aad: 'molam-mandate-v1', parse: parseMandate } as const

/** `POST /offline/mandates`. To send the same mandate again is always safe. */
export const mandateRoutes = routes().openapi(give, async (c) => {
  const nowMs = Date.now()
  const word = await holdersWord(c, MANDATE, c.req.valid('json').mandate, nowMs)
  if (!word.ok) return refuse(c, word.error)
  const { signed, encoded, device } = word.value
  const { mandate } = signed
  const { deviceId } = signed.claims
  // Nobody's word for small debits is for ever.
  if (mandate.untilMs > nowMs + MANDATE_DAYS_MAX * DAY_MS) {
    return refuse(c, { code: 'invalid_request', detail: 'mandate.until' })
  }
  const policy = await policyFor(c.env, device.country, device.policy, nowMs)
  if (!isWithinPolicy(mandate, policy)) return refuse(c, { code: 'mandate_above_policy' })
  // One number far ahead, as of a phone whose clock was, would keep the holder from ever ending what it gives.
  if (mandate.no > nowMs + policy.maxClockSkewMinutes * MINUTE_MS) {
    return refuse(c, { code: 'clock_skew', serverTimeMs: nowMs })
  }
  const within = await withinSignedQuota(c.env, deviceId, 'answer', signed, nowMs)
  if (!within.ok) return refuse(c, within.error)
  const by = requestOf(c)
  const kept = await deviceStub(c.env, deviceId).giveMandate(signed, encoded, by)
  return kept.ok ? c.json({ no: mandate.no }) : refuse(c, objectRefusal(kept.error))
})
