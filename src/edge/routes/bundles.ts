import { z } from '@hono/zod-openapi'
import type { Context } from 'hono'
import { BUNDLE_MEDIA_TYPE } from '../../protocol/bundle.ts'
import { toBase64url, toHex } from '../../protocol/bytes.ts'
import { localId } from '../../protocol/ids.ts'
import { statesOf } from '../../protocol/payment-states.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { BUNDLE_STATUSES } from '../../protocol/states.ts'
import { openStored, type ShownBundle, withoutParties } from '../ingest/open-stored.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { findBundles, listBundles } from '../store/bundles.ts'
import { showsAllOf } from '../store/ended.ts'
import type { BundleRow } from '../store/index-message.ts'
import { mendReadModel } from '../store/mend.ts'
import { readVotes } from '../store/votes.ts'
import { refuse } from './answers.ts'
import { type App, personOf } from './app-types.ts'
import { bundleJson } from './bundle-json.ts'
import { limit, pageOf, timeIdsCursor } from './cursor.ts'
import { bundleId, country, deviceId, incomplete, page, time } from './params.ts'
import { riskJson } from './risk-json.ts'
import { bundle, listedBundle } from './schemas/bundles.ts'
import { json, routes, secured } from './secured.ts'
import { votesJson } from './votes-json.ts'

const one = {
  params: z.object({ bundle_id: bundleId }),
  query: z.object({ device_id: deviceId.optional().openapi({ description: 'Where two devices chose the same id' }) }),
}

const list = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/bundles',
  summary: 'Bundles, the latest first',
  tags: ['bundles'],
  request: {
    query: z.object({
      status: z.enum(BUNDLE_STATUSES).optional(),
      country: country.optional(),
      device_id: deviceId.optional(),
      from: time.optional(),
      to: time.optional(),
      cursor: timeIdsCursor,
      limit,
    }),
  },
  answers: { 200: json(page('bundles', listedBundle).extend({ incomplete }), 'A page') },
})

const show = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/bundles/{bundle_id}',
  summary: 'One bundle with what was decided about each payment, without parties',
  tags: ['bundles'],
  request: one,
  answers: { 200: json(bundle, 'The bundle') },
})

const original = secured(['pay_reviewer', 'pay_auditor'], {
  method: 'get',
  path: '/offline/bundles/{bundle_id}/original',
  summary: 'The signed bundle, the very bytes that its receipt names',
  tags: ['bundles'],
  request: one,
  answers: { 200: { description: 'COSE_Sign1', content: { [BUNDLE_MEDIA_TYPE]: { schema: { type: 'string' } } } } },
})

/** Bundles as the read model shows them: decisions and outcomes, no parties. */
export const bundleRoutes = routes()
  .openapi(list, async (c) => {
    const { status, country, device_id: deviceId, from, to, cursor, limit } = c.req.valid('query')
    const filter = { status, country, deviceId, from, to, tenant: personOf(c).tenant, after: cursor }
    const isAll = deviceId === undefined || (await showsAllOf(c.env, deviceId, Date.now()))
    const { rows, waiting } = await listBundles(c.env, filter, limit)
    c.executionCtx.waitUntil(mendReadModel(c.env, { bundles: waiting }, Date.now()))
    const { items, next_cursor } = pageOf(rows, limit, (row) => [row.received_at, row.bundle_id, row.device_id])
    return c.json({ bundles: items, next_cursor, ...(!isAll && { incomplete: true }) })
  })
  .openapi(show, async (c) => {
    const { bundle_id: id } = c.req.valid('param')
    const known = await visibleBundle(c, id, c.req.valid('query').device_id)
    if (!known.ok) return refuse(c, known.error)
    const { deviceId } = known.value
    await showsAllOf(c.env, deviceId, Date.now())
    const found = await visibleBundle(c, id, deviceId)
    if (!found.ok) return refuse(c, found.error)
    const row = found.value
    const { contents, receipt, payments, bundle, signedReceipt } = await opened(c, row)
    const votesOf = await readVotes(c.env.DB, [row.bundleId])
    const details = new Map(payments?.map((payment) => [payment.counter, withoutParties(payment)]))
    return c.json({
      ...bundleJson(row),
      contents,
      ...(receipt && { digest: toHex(receipt.digest) }),
      admitted_count: row.admittedCount,
      admitted_amount: row.admittedAmount,
      policy_version: row.policyVersion,
      risk: riskJson(row.riskScore, row.riskReasons),
      received_at: row.receivedAt,
      updated_at: row.updatedAt,
      payments: statesOf(row.payments).map(([counter, status, reason]) => ({
        local_id: localId(row.deviceId, counter),
        status,
        ...(reason !== undefined && { reason }),
        ...details.get(counter),
      })),
      votes: votesJson(row.deviceId, votesOf(row.bundleId, row.deviceId)),
      ...(bundle && { bundle: toBase64url(bundle) }),
      ...(signedReceipt && { receipt: toBase64url(signedReceipt) }),
    })
  })
  .openapi(original, async (c) => {
    const found = await visibleBundle(c, c.req.valid('param').bundle_id, c.req.valid('query').device_id)
    if (!found.ok) return refuse(c, found.error)
    const { contents, bundle } = await opened(c, found.value)
    if (contents === 'unavailable') return refuse(c, { code: 'temporarily_unavailable', retryAfterS: 5 })
    if (bundle === undefined) return refuse(c, { code: 'not_found' })
    return c.body(new Uint8Array(bundle).buffer, 200, {
      'content-type': BUNDLE_MEDIA_TYPE,
      'cache-control': 'no-store',
    })
  })

const opened = async (c: Context<App>, row: ShownBundle) => (await openStored(c.env, [row]))(row)

/** The one bundle of this id that the person may see. */
export async function visibleBundle(
  c: Context<App>,
  bundleId: string,
  deviceId: string | undefined,
): Promise<Result<BundleRow, Refusal>> {
  const [row, ...others] = await findBundles(c.env, bundleId, { deviceId, tenant: personOf(c).tenant })
  if (row === undefined) return err({ code: 'not_found' })
  if (others.length === 0) return ok(row)
  return err({ code: 'invalid_request', detail: 'several devices have a bundle of this id: add ?device_id=' })
}
