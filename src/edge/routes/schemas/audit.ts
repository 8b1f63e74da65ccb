import { z } from '@hono/zod-openapi'
import { atMs, id } from './scalars.ts'

export const auditRecord = z
  .strictObject({
    id,
    device_id: id.nullable(),
    tenant: id.nullable(),
    bundle_id: id.nullable(),
    request_id: id.nullable(),
    at: atMs,
    actor: z.string(),
    action: z.string(),
    detail: z.record(z.string(), z.union([z.string(), z.number()])),
  })
  .openapi('AuditRecord')
export const escalation = z.strictObject({
  id,
  device_id: id,
  tenant: id,
  at: atMs,
  kind: z.string(),
  seq: z.int(),
  evidence: z.string().openapi({ description: 'Path of both signatures' }),
})
