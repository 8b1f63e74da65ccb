import { z } from '@hono/zod-openapi'
import { parseAllowanceOrder } from '../../protocol/allowances.ts'
import { ALLOWANCE_ORDER_BYTES_MAX } from '../../protocol/limits.ts'
import { deviceStub } from '../env.ts'
import { policyFor } from '../ingest/policy-cache.ts'
import { withinSignedQuota } from '../ingest/signed-quota.ts'
import { requestOf } from './actor.ts'
import { objectRefusal, refuse } from './answers.ts'
import { holdersWord } from './holders-word.ts'
import { allowanceOrdered } from './schemas/words.ts'
import { json, jsonBody, routes, secured } from './secured.ts'

const orderBody = z.strictObject({
  order: z
    .string()
    .max(Math.ceil((ALLOWANCE_ORDER_BYTES_MAX * 4) / 3))
    .openapi({ description: 'The signed order, a COSE_Sign1 as base64url (docs/protocol.md §5.6)' }),
})

const order = secured('device', {
  method: 'post',
  path: '/offline/allowances',
  summary: "The holder of a wallet has money held for the wallet's device, or lets it go",
  tags: ['devices in the field'],
  request: { body: jsonBody(orderBody) },
  answers: { 200: json(allowanceOrdered, 'The order is kept, and goes to the book; its answer comes with a notice') },
  refusals: [
    'invalid_signature',
    'device_suspended',
    'device_revoked',
    'consent_required',
    'allowance_above_policy',
    'state_conflict',
    'rate_limited',
  ],
})

const ORDER = { field: 'order', aad: 'molam-allowance-order-v1', parse: parseAllowanceOrder } as const

/** `POST /offline/allowances`. To send the same order again is always safe. */
export const allowanceRoutes = routes().openapi(order, async (c) => {
  const nowMs = Date.now()
  const word = await holdersWord(c, ORDER, c.req.valid('json').order, nowMs)
  if (!word.ok) return refuse(c, word.error)
  const { signed, encoded, device } = word.value
  const { order } = signed
  const { deviceId } = signed.claims
  if (order.choice === 'open') {
    const policy = await policyFor(c.env, device.country, device.policy, nowMs)
    if (order.currency !== policy.currency) return refuse(c, { code: 'invalid_request', detail: 'order.currency' })
    // The book says it again, by the policy that it has when it opens it.
    if (order.ceiling > policy.allowanceMax) return refuse(c, { code: 'allowance_above_policy' })
  }
  const within = await withinSignedQuota(c.env, deviceId, 'answer', signed, nowMs)
  if (!within.ok) return refuse(c, within.error)
  const kept = await deviceStub(c.env, deviceId).orderAllowance(signed, encoded, requestOf(c))
  return kept.ok ? c.json({ no: order.no }) : refuse(c, objectRefusal(kept.error))
})
