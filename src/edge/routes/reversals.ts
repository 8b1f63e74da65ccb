import { z } from '@hono/zod-openapi'
import { COUNTER_MAX, REVERSAL_DAYS_MAX } from '../../protocol/limits.ts'
import { REVERSAL_REASONS } from '../../protocol/messages.ts'
import { deviceStub } from '../env.ts'
import { policyNow } from '../ingest/policy-cache.ts'
import { actorOf } from './actor.ts'
import { objectRefusal, refuse } from './answers.ts'
import { masked } from './masked.ts'
import { deviceId, reason as text, writeHeaders } from './params.ts'
import { resultJson, voteLimits } from './reviews.ts'
import { voteResult } from './schemas/bundles.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

const reversal = z.strictObject({
  reason: z.enum(REVERSAL_REASONS),
  note: text.optional().openapi({ description: 'For people; numbers and addresses in it are masked' }),
})

const reverse = secured(['pay_reviewer'], {
  method: 'post',
  path: '/offline/transactions/{device_id}/{counter}/reverse',
  summary: `Vote for undoing a payment that succeeded in the last ${REVERSAL_DAYS_MAX} days; above an amount two different people must agree`,
  tags: ['reviews'],
  request: {
    params: z.object({
      device_id: deviceId,
      counter: z
        .string()
        .regex(/^[1-9]\d{0,9}$/)
        .transform(Number)
        .refine((value) => value <= COUNTER_MAX),
    }),
    headers: writeHeaders,
    body: jsonBody(reversal),
  },
  answers: { 200: json(voteResult, 'Where the reversal stands now; `reversed` follows when the book has it') },
  refusals: ['state_conflict', 'already_voted', 'registrar_cannot_vote', 'too_late_to_reverse', 'idempotency_conflict'],
})

/** Undoing what was done: a compensating transfer, made by the reconciler. */
export const reversalRoutes = routes().openapi(reverse, async (c) => {
  const { device_id, counter } = c.req.valid('param')
  const by = await actorOf(c)
  if (!by.ok) return refuse(c, by.error)
  const object = deviceStub(c.env, device_id)
  const device = await object.identity()
  if (!device.ok) return refuse(c, { code: device.error })
  const policy = await policyNow(c.env, device.value.country, Date.now())
  if (policy === undefined) return refuse(c, { code: 'temporarily_unavailable', retryAfterS: 5 })
  const { reason, note } = c.req.valid('json')
  const ballot = { counter, reason, ...(note !== undefined && { note: masked(note) }), limits: voteLimits(policy) }
  const result = await object.reverse(ballot, by.value)
  if (!result.ok) return refuse(c, objectRefusal(result.error))
  const [vote] = result.value
  if (vote === undefined) throw new Error('a vote without a result')
  return c.json(resultJson(device_id, vote))
})
