import { beforeAll, describe, expect, it } from 'vitest'
import { importHmacKey, SERVICE_HEADER, signServiceCall } from '../../../src/crypto/hmac.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import { type Queues, recordQueues, unguardedInD1 } from '../../durable-objects/device/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { bindings, ORIGIN, registered, SELF } from '../kit.ts'
import { admin, auditor, call, ok, pushPayments, refused, reviewer } from './kit.ts'

/** What devices sent on a day, for the reconciler's report and for people. Benin is an hour ahead of UTC. */
const DATE = '2026-03-04'
const BEGIN = Date.parse('2026-03-03T23:00:00Z')
const END = Date.parse('2026-03-04T23:00:00Z')
let queues: Queues
let shop: TestDevice
let market: TestDevice
let key: CryptoKey

beforeAll(async () => {
  queues = await recordQueues()
  key = await importHmacKey(fromBase64url(bindings.INTERNAL_HMAC_KEY))
  shop = await registered({ country: 'BJ' })
  market = await registered({ country: 'BJ', tenant: 'other' })
  await pushPayments(shop, [shop.payment(), shop.payment()], queues)
  await pushPayments(market, [market.payment()], queues)
  const [{ bundle_id: template }] = (await rows()) as [{ bundle_id: string }]
  await unguardedInD1('offline_tx_bundles_no_update', () =>
    bindings.DB.prepare('UPDATE offline_tx_bundles SET received_at = 0').run(),
  )
  // The first and the last millisecond of the day, and their neighbours that are not of it.
  await copies(template, shop, [BEGIN, BEGIN + 1, END - 1], { amount: 5000, payments: ['succeeded', 'review'] })
  await copies(template, shop, [BEGIN - 1, END], { amount: 1, payments: ['succeeded', 'succeeded'] })
  await copies(template, shop, [BEGIN + 5], { amount: 700, currency: 'GHS', payments: ['refused', 'failed'] })
  await copies(template, market, [BEGIN + 7], { amount: 2500, payments: ['pending', 'quarantined', 'reversed'] })
})

const rows = async () => (await bindings.DB.prepare('SELECT bundle_id FROM offline_tx_bundles').all()).results

/** Rows of the read model as its consumer would have written them. */
async function copies(
  template: string,
  device: TestDevice,
  times: readonly number[],
  { amount, payments, currency = 'XOF' }: { amount: number; payments: readonly string[]; currency?: string },
) {
  const states = JSON.stringify(payments.map((status, i) => [i + 1, i + 1, status]))
  const admitted = payments.filter((status) => status !== 'refused').length
  const tenant = device === shop ? 'molam' : 'other'
  for (const at of times) {
    await bindings.DB.prepare(
      `INSERT INTO offline_tx_bundles SELECT ?1 AS bundle_id, ?2, country, ?3, seq, status, rev, ?4, first_counter,
        last_counter, ?5, ?6, policy_version, risk_score, risk_reasons, ?7, updated_at, ?8, digest, admitted_by, settlements
        FROM offline_tx_bundles WHERE bundle_id = ?9`,
    )
      .bind(`01${crypto.randomUUID()}`, device.id, tenant, currency, admitted, amount, at, states, template)
      .run()
  }
}

const service = async (path: string) =>
  SELF.fetch(ORIGIN + path, {
    headers: {
      [SERVICE_HEADER]: await signServiceCall(key, { method: 'GET', path, body: new Uint8Array() }, Date.now()),
    },
  })
const received = (query: string) => service(`/internal/received?${query}`)

interface Received {
  readonly device_id: string
  readonly currency: string
  readonly admitted_count: number
  readonly admitted_amount: number
}
const FIELDS = ['admitted_amount', 'admitted_count', 'bundle_id', 'currency', 'device_id']
const sumOf = (all: readonly Received[], field: 'admitted_count' | 'admitted_amount') =>
  all.reduce((sum, one) => sum + one[field], 0)

describe('the edge’s own count for the reconciler', () => {
  it('is each bundle with what was admitted of it, of the country’s calendar day', async () => {
    const { bundles, next_cursor } = await ok(received(`date=${DATE}&country=BJ`))
    expect(next_cursor).toBeNull()
    expect(bundles).toHaveLength(5)
    const sums = Object.groupBy(bundles as Received[], ({ device_id, currency }) => `${device_id} ${currency}`)
    const summed = Object.entries(sums).map(([of, own = []]) => [
      of,
      ...[own.length, sumOf(own, 'admitted_count'), sumOf(own, 'admitted_amount')],
    ])
    expect(summed.toSorted()).toEqual(
      [
        [`${shop.id} XOF`, 3, 6, 15_000],
        [`${shop.id} GHS`, 1, 1, 700],
        [`${market.id} XOF`, 1, 3, 2500],
      ].toSorted(),
    )
    for (const bundle of bundles) expect(Object.keys(bundle).toSorted()).toEqual(FIELDS)
  })
  it('is another one of another country or day', async () => {
    expect(await ok(received(`date=${DATE}&country=SN`))).toEqual({ bundles: [], next_cursor: null })
    expect((await ok(received('date=2026-03-05&country=BJ'))).bundles).toMatchObject([{ admitted_amount: 1 }])
  })
  it('comes in pages, which together are the whole', async () => {
    const all: Received[] = []
    let pages = 0
    for (let cursor = ''; ; pages++) {
      const answer = await ok(received(`date=${DATE}&country=BJ&limit=2${cursor && `&cursor=${cursor}`}`))
      all.push(...answer.bundles)
      cursor = answer.next_cursor ?? ''
      if (cursor === '') break
    }
    expect(pages).toBe(2)
    expect(all).toEqual((await ok(received(`date=${DATE}&country=BJ`))).bundles)
  })
  it('goes on behind its cursor', async () => {
    const cursor = btoa(JSON.stringify([BEGIN + 5, '02', 'x']))
      .replaceAll('=', '')
      .replaceAll('+', '-')
    const { bundles } = await ok(received(`date=${DATE}&country=BJ&cursor=${cursor.replaceAll('/', '_')}`))
    expect((bundles as Received[]).map(({ admitted_amount }) => admitted_amount)).toEqual([2500, 5000])
  })
  it.each([
    'country=BJ',
    'date=2026-03-04',
    `date=2026-02-30&country=BJ`,
    `date=${DATE}&country=FR`,
    `date=${DATE}&country=BJ&cursor=x`,
  ])('“%s” is no question', async (query) => {
    await refused(received(query), 'invalid_request')
  })
  it('is for our own services only', async () => {
    const path = `/internal/received?date=${DATE}&country=BJ`
    await refused(SELF.fetch(ORIGIN + path), 'unauthorized')
    await refused(call(admin, 'GET', path), 'unauthorized')
    const header = await signServiceCall(key, { method: 'GET', path, body: new Uint8Array() }, Date.now())
    const other = path.replace(DATE, '2026-03-05')
    await refused(SELF.fetch(ORIGIN + other, { headers: { [SERVICE_HEADER]: header } }), 'unauthorized')
  })
})

const NO_PAYMENTS = {
  ...{ received: 0, pending_offline: 0, pending: 0, succeeded: 0, failed: 0, refused: 0 },
  ...{ review: 0, quarantined: 0, reversed: 0, claimed: 0 },
}
const path = (query = '') => `/offline/reconciliation?date=${DATE}&country=BJ${query}`

describe('the day as people see it', () => {
  it('has each device with its bundles and payments by what became of them, and the totals', async () => {
    const answer = await ok(call(auditor, 'GET', path()))
    expect(answer).toMatchObject({ date: DATE, country: 'BJ', time_zone: 'Africa/Porto-Novo', from: BEGIN, to: END })
    expect(answer.devices).toHaveLength(3)
    const of = (device: TestDevice, currency: string) =>
      answer.devices.find(
        (one: Record<string, unknown>) => one['device_id'] === device.id && one['currency'] === currency,
      )
    expect(of(shop, 'XOF')).toMatchObject({
      bundles: { received: 3, accepted: 0, pushed: 3 },
      payments: { ...NO_PAYMENTS, received: 6, succeeded: 3, review: 3 },
      ...{ admitted_count: 6, admitted_amount: 15_000 },
    })
    expect(of(shop, 'GHS').payments).toEqual({ ...NO_PAYMENTS, received: 2, refused: 1, failed: 1 })
    expect(of(market, 'XOF').payments).toEqual({ ...NO_PAYMENTS, received: 3, pending: 1, quarantined: 1, reversed: 1 })
    expect(answer.totals).toMatchObject([
      { currency: 'GHS', bundles: { received: 1 }, admitted_count: 1, admitted_amount: 700 },
      {
        ...{ currency: 'XOF', bundles: { received: 4 }, admitted_count: 9, admitted_amount: 17_500 },
        payments: { ...NO_PAYMENTS, received: 9, succeeded: 3, review: 3, pending: 1, quarantined: 1, reversed: 1 },
      },
    ])
  })

  it('comes in pages of devices, which together are the whole; totals are on the first', async () => {
    const whole = await ok(call(auditor, 'GET', path()))
    const devices: unknown[] = []
    let pages = 0
    for (let cursor = ''; ; pages++) {
      const answer = await ok(call(auditor, 'GET', path(`&limit=1${cursor && `&cursor=${cursor}`}`)))
      expect(answer.totals === null).toBe(pages > 0)
      devices.push(...answer.devices)
      cursor = answer.next_cursor ?? ''
      if (cursor === '') break
    }
    expect(pages).toBeGreaterThanOrEqual(1)
    expect(devices).toEqual(whole.devices)
  })

  it('shows people of one tenant what is theirs, in the totals too', async () => {
    const { devices, totals } = await ok(call({ ...auditor, tenant: 'other' }, 'GET', path()))
    expect(devices.map(({ device_id }: Record<string, unknown>) => device_id)).toEqual([market.id])
    expect(totals).toMatchObject([{ currency: 'XOF', bundles: { received: 1 }, admitted_amount: 2500 }])
  })

  it('is nothing for reviewers, strangers, or days that there are not', async () => {
    await refused(call(reviewer, 'GET', path()), 'forbidden')
    await refused(call(undefined, 'GET', path()), 'unauthorized')
    await refused(call(auditor, 'GET', '/offline/reconciliation?date=2026-02-30&country=BJ'), 'invalid_request')
    await refused(call(auditor, 'GET', `/offline/reconciliation?date=${DATE}`), 'invalid_request')
    const empty = await ok(call(auditor, 'GET', '/offline/reconciliation?date=2020-01-01&country=BJ'))
    expect(empty).toMatchObject({ devices: [], totals: [] })
  })
})
