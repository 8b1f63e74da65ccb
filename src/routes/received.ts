import { z } from '@hono/zod-openapi'
import { listReceived, type ReceivedBundle } from '../store/received.ts'
import { refuse } from './answers.ts'
import { pageOf, timeIdsCursor } from './cursor.ts'
import { dayOf, dayQuery } from './day.ts'
import { count, page, queryInt } from './params.ts'
import { json, routes, secured } from './secured.ts'

/** Bundles in one page: some tens of milliseconds of D1. */
const limit = queryInt(1, 2000).default(2000)

const receivedDevice = z.strictObject({
  device_id: z.string(),
  currency: z.string(),
  bundles: count,
  admitted_count: count.openapi({ description: 'Payments that were not refused at admission' }),
  admitted_amount: count.openapi({ description: 'Their sum in minor units' }),
})

const received = secured('service', {
  method: 'get',
  path: '/internal/received',
  summary: 'What the edge admitted on a day of the country’s calendar; a device may come on several pages: add them up',
  tags: ['services'],
  request: { query: z.object({ ...dayQuery, cursor: timeIdsCursor, limit }) },
  answers: { 200: json(page('devices', receivedDevice), 'A page') },
})

/** The edge's own count, which `report` holds against the book. */
export const receivedRoutes = routes().openapi(received, async (c) => {
  const { date, country, cursor, limit } = c.req.valid('query')
  const day = await dayOf(c, date, country)
  if (!day.ok) return refuse(c, day.error)
  const rows = await listReceived(c.env.DB, day.value, cursor, limit)
  const { items, next_cursor } = pageOf(rows, limit, (row) => [row.received_at, row.bundle_id, row.device_id])
  return c.json({ devices: summed(items), next_cursor })
})

function summed(bundles: readonly ReceivedBundle[]): z.output<typeof receivedDevice>[] {
  const groups = Map.groupBy(bundles, ({ device_id, currency }) => `${device_id}/${currency}`)
  return [...groups.values()].map((own) => ({
    device_id: own[0]?.device_id ?? '',
    currency: own[0]?.currency ?? '',
    bundles: own.length,
    admitted_count: own.reduce((sum, { admitted_count }) => sum + admitted_count, 0),
    admitted_amount: own.reduce((sum, { admitted_amount }) => sum + admitted_amount, 0),
  }))
}
