import { z } from '@hono/zod-openapi'
import { listReceived } from '../store/received.ts'
import { refuse } from './answers.ts'
import { pageOf, timeIdsCursor } from './cursor.ts'
import { dayOf, dayQuery } from './day.ts'
import { count, page, queryInt } from './params.ts'
import { json, routes, secured } from './secured.ts'

/** Bundles in one page: some tens of milliseconds of D1. */
const limit = queryInt(1, 2000).default(2000)

const receivedBundle = z.strictObject({
  bundle_id: z.string(),
  device_id: z.string(),
  currency: z.string(),
  admitted_count: count.openapi({ description: 'Payments that were not refused at admission' }),
  admitted_amount: count.openapi({ description: 'Their sum in minor units' }),
})

const received = secured('service', {
  method: 'get',
  path: '/internal/received',
  summary: 'What the edge admitted on a day of the country’s calendar, bundle by bundle in the order of arrival',
  tags: ['services'],
  request: { query: z.object({ ...dayQuery, cursor: timeIdsCursor, limit }) },
  answers: { 200: json(page('bundles', receivedBundle), 'A page') },
})

/** The edge's own word, which `report` holds against the book. */
export const receivedRoutes = routes().openapi(received, async (c) => {
  const { date, country, cursor, limit } = c.req.valid('query')
  const day = await dayOf(c, date, country)
  if (!day.ok) return refuse(c, day.error)
  const rows = await listReceived(c.env.DB, day.value, cursor, limit)
  const { items, next_cursor } = pageOf(rows, limit, (row) => [row.received_at, row.bundle_id, row.device_id])
  return c.json({ bundles: items.map(({ received_at: _, ...bundle }) => bundle), next_cursor })
})
