import { z } from '@hono/zod-openapi'
import { BUNDLE_STATUSES, PAYMENT_STATUSES } from '../../protocol/states.ts'
import { listDevices } from '../store/countries.ts'
import { type Groups, groupsOf, totalsOf } from '../store/received.ts'
import { refuse } from './answers.ts'
import { personOf } from './app-types.ts'
import { idCursor, limit, pageOf } from './cursor.ts'
import { dayOf, dayQuery } from './day.ts'
import { count } from './params.ts'
import { json, routes, secured } from './secured.ts'

const tally = <const S extends readonly string[]>(states: S) =>
  z.strictObject(Object.fromEntries(['received', ...states].map((name) => [name, count])))

const summary = {
  currency: z.string(),
  bundles: tally(BUNDLE_STATUSES),
  payments: tally(PAYMENT_STATUSES),
  admitted_count: count.openapi({ description: 'Payments that were not refused at admission' }),
  admitted_amount: count.openapi({ description: 'Their sum in minor units' }),
}
const answer = z.strictObject({
  date: z.string(),
  country: z.string(),
  time_zone: z.string(),
  from: count,
  to: count,
  totals: z
    .array(z.strictObject(summary))
    .nullable()
    .openapi({ description: 'Of the whole day, by currency; on the first page only' }),
  devices: z.array(z.strictObject({ device_id: z.string(), ...summary })),
  next_cursor: z.string().nullable(),
})

const reconciliation = secured(['pay_auditor'], {
  method: 'get',
  path: '/offline/reconciliation',
  summary: 'What devices sent on a day and what has become of it, by device and currency',
  description:
    'By the time of the receipts. Settled are `succeeded`, `failed`, `refused` and `reversed`; `pending` waits for the ledger, ' +
    '`review` and `quarantined` for people. Devices without a bundle on the day are left out, so a page may hold few.',
  tags: ['audit'],
  request: { query: z.object({ ...dayQuery, cursor: idCursor, limit }) },
  answers: { 200: json(answer, 'A page of devices') },
})

/** The day as the edge sees it, out of its read model; the book's own account is the reconciler's `report`. */
export const reconciliationRoutes = routes().openapi(reconciliation, async (c) => {
  const { date, country, cursor, limit } = c.req.valid('query')
  const day = await dayOf(c, date, country)
  if (!day.ok) return refuse(c, day.error)
  const { tenant } = personOf(c)
  const listed = await listDevices(c.env, { country, tenant, after: cursor?.[0] }, limit)
  const { items, next_cursor } = pageOf(listed, limit, ({ device }) => [device.deviceId])
  const ids = items.map(({ device }) => device.deviceId)
  const [totals, groups] = await Promise.all([
    cursor === undefined ? totalsOf(c.env.DB, day.value, tenant) : undefined,
    groupsOf(c.env.DB, day.value, ids),
  ])
  return c.json({
    ...{ date, country, time_zone: day.value.timeZone, from: day.value.fromMs, to: day.value.toMs },
    totals: totals === undefined ? null : summaries(totals),
    devices: ids.flatMap((device_id) =>
      summaries({
        bundles: groups.bundles.filter((group) => group.device_id === device_id),
        payments: groups.payments.filter((group) => group.device_id === device_id),
      }).map((one) => ({ device_id, ...one })),
    ),
    next_cursor,
  })
})

/** By currency. */
function summaries({ bundles, payments }: Groups) {
  const currencies = [...new Set(bundles.map(({ currency }) => currency))].sort()
  return currencies.map((currency) => {
    const own = bundles.filter((group) => group.currency === currency)
    const ownPayments = payments.filter((group) => group.currency === currency)
    const sum = (numbers: readonly number[]) => numbers.reduce((total, one) => total + one, 0)
    return {
      currency,
      bundles: tallied(
        BUNDLE_STATUSES,
        own.map(({ status, bundles }) => [status, bundles]),
      ),
      payments: tallied(
        PAYMENT_STATUSES,
        ownPayments.map(({ status, payments }) => [status, payments]),
      ),
      admitted_count: sum(own.map(({ admitted_count }) => admitted_count)),
      admitted_amount: sum(own.map(({ admitted_amount }) => admitted_amount)),
    }
  })
}

function tallied(states: readonly string[], counts: readonly (readonly [status: string, count: number])[]) {
  const found = new Map(counts)
  return {
    received: counts.reduce((total, [, one]) => total + one, 0),
    ...Object.fromEntries(states.map((state) => [state, found.get(state) ?? 0])),
  }
}
