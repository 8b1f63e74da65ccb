import { z } from '@hono/zod-openapi'
import { readBase64url } from '../../protocol/bytes.ts'
import { parseClaimAnswer, type SignedClaimAnswer } from '../../protocol/claims.ts'
import { CLAIM_ANSWER_BYTES_MAX } from '../../protocol/limits.ts'
import { parse } from '../../protocol/parse.ts'
import { deviceStub } from '../env.ts'
import { placeOf } from '../ingest/place.ts'
import { signedBy } from '../ingest/signed-by.ts'
import { withinSignedQuota } from '../ingest/signed-quota.ts'
import { objectRefusal, refuse } from './answers.ts'
import { claimAnswered } from './schemas.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

const answerBody = z.strictObject({
  answer: z
    .string()
    .max(Math.ceil((CLAIM_ANSWER_BYTES_MAX * 4) / 3))
    .openapi({ description: 'The signed answer, a COSE_Sign1 as base64url (docs/protocol.md §5.1)' }),
})

const answer = secured('device', {
  method: 'post',
  path: '/offline/claims/answer',
  summary:
    "The holder of a wallet confirms or refuses a payment that has no word of its payer, with the wallet's device",
  tags: ['devices in the field'],
  request: { body: jsonBody(answerBody) },
  answers: { 200: json(claimAnswered, 'The answer is kept, and goes to the book: what comes of it the notices say') },
  refusals: [
    'invalid_signature',
    'device_suspended',
    'device_revoked',
    'consent_required',
    'state_conflict',
    'rate_limited',
  ],
})

/** `POST /offline/claims/answer`. The signature is all that it needs: to send the same answer again is always safe. */
export const claimRoutes = routes().openapi(answer, async (c) => {
  const nowMs = Date.now()
  const encoded = readBase64url(c.req.valid('json').answer)
  const signed = encoded && parse((): SignedClaimAnswer => parseClaimAnswer(encoded))
  if (encoded === undefined || !signed?.ok) return refuse(c, { code: 'invalid_request', detail: 'answer' })
  const { claims } = signed.value
  const device = await signedBy(c.env, signed.value, 'molam-claim-answer-v1', nowMs)
  if (!device?.isCurrent) return refuse(c, { code: 'invalid_signature' })
  c.set('deviceId', claims.deviceId)
  c.set('isVerified', true)
  if (device.status !== 'active') return refuse(c, { code: `device_${device.status}` })
  const within = await withinSignedQuota(c.env, claims.deviceId, 'answer', encoded, nowMs)
  if (!within.ok) return refuse(c, within.error)
  const by = { requestId: c.get('requestId'), from: placeOf(c.req.raw) }
  const kept = await deviceStub(c.env, claims.deviceId).answerClaim(signed.value, encoded, by)
  return kept.ok ? c.json({ choice: kept.value }) : refuse(c, objectRefusal(kept.error))
})
