import { z } from '@hono/zod-openapi'
import { utf8 } from '../../protocol/bytes.ts'
import { MINUTE_MS } from '../../protocol/time.ts'
import type { Env } from '../env.ts'
import { type AuditEntry, type AuditFilter, listAudit } from '../store/audit.ts'
import { showsAllOf } from '../store/ended.ts'
import type { AuditRow } from '../store/index-message.ts'
import { actorName } from './actor.ts'
import { personOf } from './app-types.ts'
import { limit, pageOf, timeCursor } from './cursor.ts'
import { bundleId, deviceId, incomplete, page, time } from './params.ts'
import { auditRecord, escalation } from './schemas/audit.ts'
import { json, routes, secured } from './secured.ts'

const EXPORT_PAGE = 500
/** A settlement stands where its bundle was received, up to a minute before; and rows reach D1 after seconds. */
const OPEN_MS = 5 * MINUTE_MS

const filters = {
  device_id: deviceId.optional(),
  bundle_id: bundleId.optional(),
  actor: z.string().max(160).optional().openapi({ description: '`user:<subject>`, `device`, `reconciler`, `system`' }),
  action: z.string().max(64).optional(),
  from: time.optional(),
  to: time.optional(),
}

const list = secured(['pay_auditor'], {
  method: 'get',
  path: '/offline/audit',
  summary: 'Who changed what, the latest first',
  description:
    'The admission of a bundle and the settlement that follows within a minute stand together, at the time of the admission.',
  tags: ['audit'],
  request: { query: z.object({ ...filters, cursor: timeCursor, limit }) },
  answers: { 200: json(page('records', auditRecord).extend({ incomplete }), 'A page') },
})

const exported = secured(['pay_auditor'], {
  method: 'get',
  path: '/offline/audit/export',
  summary:
    'The same from the oldest on, one JSON object a line; the last line says how many there were, and whether some are missing',
  description:
    'Without the last five minutes, into which records may still come: `from` and `to` mean places in the list.',
  tags: ['audit'],
  request: { query: z.object(filters) },
  answers: { 200: { description: 'NDJSON', content: { 'application/x-ndjson': { schema: { type: 'string' } } } } },
})

const escalations = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/escalations',
  summary: 'Devices that told two stories, the latest first',
  tags: ['audit'],
  request: { query: z.object({ device_id: deviceId.optional(), cursor: timeCursor, limit }) },
  answers: { 200: json(page('escalations', escalation), 'A page') },
})

type Filters = z.output<z.ZodObject<typeof filters>>

/** The audit log. Somebody who sees one tenant sees its records, and nothing of what concerns all. */
export const auditRoutes = routes()
  .openapi(list, async (c) => {
    const { cursor, limit, ...asked } = c.req.valid('query')
    const filter = { ...(await filterOf(asked)), tenant: personOf(c).tenant, after: cursor }
    const lack = await lacking(c.env, asked.device_id)
    const rows = await listAudit(c.env.DB, filter, limit)
    const { items, next_cursor } = pageOf(rows, limit, ({ position }) => position)
    return c.json({ records: items.map(({ record }) => recordJson(record)), next_cursor, ...lack })
  })
  .openapi(exported, async (c) => {
    const asked = c.req.valid('query')
    const filter = { ...(await filterOf(asked)), tenant: personOf(c).tenant }
    const lack = await lacking(c.env, asked.device_id)
    // What may still come into these minutes belongs to the next export.
    const closedMs = Date.now() - OPEN_MS
    const until = { ...filter, to: Math.min(filter.to ?? closedMs, closedMs) }
    // Read before the answer begins: a log that cannot be read is refused, and not an answer that breaks off.
    const first = await listAudit(c.env.DB, until, EXPORT_PAGE, 'asc')
    return c.body(ndjson(c.env.DB, until, first, lack), 200, {
      'content-type': 'application/x-ndjson',
      'content-disposition': 'attachment; filename="audit.ndjson"',
      'cache-control': 'no-store',
    })
  })
  .openapi(escalations, async (c) => {
    const { cursor, limit, device_id: deviceId } = c.req.valid('query')
    const filter = { deviceId, action: 'escalation_raised', tenant: personOf(c).tenant, after: cursor }
    const rows = await listAudit(c.env.DB, filter, limit)
    const { items, next_cursor } = pageOf(rows, limit, ({ position }) => position)
    return c.json({
      escalations: items.map(({ record: { id, deviceId, tenant, at, detail } }) => ({
        ...{ id, device_id: deviceId, tenant, at, kind: detail['kind'], seq: detail['seq'] },
        evidence: `/offline/devices/${deviceId}/evidence`,
      })),
      next_cursor,
    })
  })

type Lack = { readonly incomplete?: true }

/** Of records about one device. */
const lacking = async (env: Env, deviceId: string | undefined): Promise<Lack> =>
  deviceId === undefined || (await showsAllOf(env, deviceId, Date.now())) ? {} : { incomplete: true }

async function filterOf({ device_id, bundle_id, actor, action, from, to }: Filters): Promise<AuditFilter> {
  // People look for a subject as their issuer writes it; it may be stored as a hash.
  const name = actor?.startsWith('user:') ? await actorName(actor.slice(5)) : actor
  return { deviceId: device_id, bundleId: bundle_id, actor: name, action, from, to }
}

/** Page by page, as fast as it is read. A line is missing at the end when the export broke off. */
function ndjson(
  db: D1Database,
  filter: AuditFilter,
  first: readonly AuditEntry[],
  lack: Lack,
): ReadableStream<Uint8Array> {
  let after: AuditFilter['after']
  let records = 0
  return new ReadableStream({
    async pull(controller) {
      const rows = after === undefined ? first : await listAudit(db, { ...filter, after }, EXPORT_PAGE, 'asc')
      const items = rows.slice(0, EXPORT_PAGE)
      records += items.length
      const last = items.at(-1)
      if (last !== undefined) after = last.position
      const isEnd = rows.length <= EXPORT_PAGE
      const lines = [
        ...items.map(({ record }) => recordJson(record)),
        ...(isEnd ? [{ end: true, records, ...lack }] : []),
      ]
      controller.enqueue(utf8(lines.map((line) => `${JSON.stringify(line)}\n`).join('')))
      if (isEnd) controller.close()
    },
  })
}

function recordJson({ deviceId, bundleId, requestId, ...row }: AuditRow) {
  return { ...row, device_id: deviceId, bundle_id: bundleId, request_id: requestId }
}
