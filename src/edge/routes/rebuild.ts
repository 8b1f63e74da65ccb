import { z } from '@hono/zod-openapi'
import { rebuildDevice } from '../store/rebuild.ts'
import { count, deviceId, queryInt } from './params.ts'
import { json, routes, secured } from './secured.ts'

const place = z.strictObject({ seq: count, audit_id: count })
const number = queryInt(0, Number.MAX_SAFE_INTEGER)
const asked = z.object({
  device_id: deviceId,
  run: z
    .string()
    .regex(/^[\w-]{8,64}$/)
    .openapi({ description: 'Of the whole act: under it the audit has it once' }),
  by: z.string().regex(/^operator:[\x21-\x7e]{1,64}$/),
  // Of the answer before.
  seq: number.default(0),
  audit_id: number.default(0),
  removed: number.default(0),
  written: number.default(0),
})
const answer = z.strictObject({
  registered: z.boolean(),
  removed: count.openapi({ description: 'Rows that were not as the object has them, of all pieces so far' }),
  written: count.openapi({ description: 'Rows that were missing, or not as the object has them' }),
  next: place.nullable().openapi({ description: 'For the next call, with the counts; null when the device is done' }),
})

const rebuild = secured('service', {
  method: 'post',
  path: '/internal/rebuild',
  summary: 'Make the read model’s rows of a device again from its object, a piece a call; may be repeated',
  tags: ['services'],
  request: { query: asked },
  answers: { 200: json(answer, 'What was changed, and where to go on') },
})

/** For the operator's command `rebuild`, which knows the devices from the registry. */
export const rebuildRoutes = routes().openapi(rebuild, async (c) => {
  const { device_id: deviceId, run, by, seq, audit_id: auditId, ...before } = c.req.valid('query')
  const piece = { deviceId, run, by, from: { seq, auditId }, before }
  const { isRegistered, removed, written, next } = await rebuildDevice(c.env, piece, Date.now())
  const place = next && { seq: next.seq, audit_id: next.auditId }
  return c.json({ registered: isRegistered, removed, written, next: place })
})
