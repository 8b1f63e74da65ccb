import { z } from '@hono/zod-openapi'
import { parseClaimAnswer } from '../../protocol/claims.ts'
import { CLAIM_ANSWER_BYTES_MAX } from '../../protocol/limits.ts'
import { deviceStub } from '../env.ts'
import { withinSignedQuota } from '../ingest/signed-quota.ts'
import { requestOf } from './actor.ts'
import { objectRefusal, refuse } from './answers.ts'
import { holdersWord } from './holders-word.ts'
import { claimAnswered } from './schemas/words.ts'
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

const ANSWER = { field: 'answer', aad: 'molam-claim-answer-v1', parse: parseClaimAnswer } as const

/** `POST /offline/claims/answer`. To send the same answer again is always safe. */
export const claimRoutes = routes().openapi(answer, async (c) => {
  const nowMs = Date.now()
  const word = await holdersWord(c, ANSWER, c.req.valid('json').answer, nowMs)
  if (!word.ok) return refuse(c, word.error)
  const { signed, encoded } = word.value
  const { deviceId } = signed.claims
  const within = await withinSignedQuota(c.env, deviceId, 'answer', signed, nowMs)
  if (!within.ok) return refuse(c, within.error)
  const by = requestOf(c)
  const kept = await deviceStub(c.env, deviceId).answerClaim(signed, encoded, by)
  return kept.ok ? c.json({ choice: kept.value }) : refuse(c, objectRefusal(kept.error))
})
