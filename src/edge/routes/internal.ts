import { z } from '@hono/zod-openapi'
import { splitConfirmations } from '../../protocol/confirmations.ts'
import { parse } from '../../protocol/parse.ts'
import { heldVersion } from '../ingest/policy-cache.ts'
import { confirmAll } from '../settle/confirm-all.ts'
import { readVersion } from '../store/policies.ts'
import { CBOR_MEDIA_TYPE } from './accept.ts'
import { cbor, refuse } from './answers.ts'
import { country } from './params.ts'
import { json, routes, secured } from './secured.ts'

const confirmed = z.strictObject({
  devices: z.record(z.string(), z.enum(['confirmed', 'unknown_device', 'malformed', 'retry'])),
})

const binary = { [CBOR_MEDIA_TYPE]: { schema: { type: 'string', format: 'binary' } } } as const

const outcomes = secured('service', {
  method: 'post',
  path: '/internal/outcomes',
  summary: 'The reconciler confirms what it holds, and says what became of payments',
  tags: ['services'],
  request: { body: { required: true, content: binary } },
  answers: { 200: json(confirmed, 'Per device: confirmed, unknown_device, malformed, or retry') },
})

const policy = secured('service', {
  method: 'get',
  path: '/internal/policies/{country}/{version}',
  summary:
    'One version of a policy, as the edge signed it when it was put in force; the first ones are signed by nobody',
  tags: ['services'],
  request: {
    params: z.object({
      country,
      version: z
        .string()
        .regex(/^[1-9]\d{0,8}$/)
        .transform(Number),
    }),
  },
  answers: { 200: { description: 'The policy', content: binary } },
})

/** Calls of our own services. Outcomes are answered per device, so that one object that is not reached holds up no other. */
export const internalRoutes = routes()
  .openapi(policy, async (c) => {
    const { country, version } = c.req.valid('param')
    const found = (await readVersion(c.env, country, version)) ?? heldVersion(country, version)
    return found?.signed === undefined ? refuse(c, { code: 'not_found' }) : cbor(c, found.signed)
  })
  .openapi(outcomes, async (c) => {
    const byDevice = parse(() => splitConfirmations(c.get('body') ?? new Uint8Array()))
    if (!byDevice.ok) return refuse(c, { code: 'invalid_request', detail: byDevice.error.message })
    const answers = await confirmAll(c.env, byDevice.value, c.get('requestId'))
    return c.json({ devices: Object.fromEntries(answers) })
  })
