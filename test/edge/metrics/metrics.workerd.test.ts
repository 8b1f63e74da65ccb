import { createExecutionContext, createScheduledController, waitOnExecutionContext } from 'cloudflare:test'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type CounterRow, IsolateCounters } from '../../../src/edge/metrics/isolate-counters.ts'
import { foldRows, readMetrics, writeRow } from '../../../src/edge/metrics/totals.ts'
import worker from '../../../src/index.ts'
import {
  age,
  confirm,
  deliverIndex,
  recordQueues,
  tellReadModel,
  unguardedInD1,
} from '../../durable-objects/device/kit.ts'
import type { TestDevice } from '../../kit/device.ts'
import { bindings, expectRefusal, fetchWith, keySet, ORIGIN, push, pushed, registered, SELF, token } from '../kit.ts'
import { readExposition } from './exposition.ts'

/** `/metrics` as a scraper sees it. Of what other files' devices still owe nothing is delivered here. */
const SCRAPER = 'a token for scrapers, at least 32 characters'.replaceAll(' ', '-')
const scrape = (bearer: string, over: object = { METRICS_TOKEN: SCRAPER }) =>
  fetchWith(over, '/metrics', { headers: { authorization: `Bearer ${bearer}` } })
async function value(name: string, labels: Record<string, string> = {}): Promise<number> {
  const response = await scrape(SCRAPER)
  expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8')
  const family = name.replace(/_(bucket|sum|count)$/, '')
  const metrics = readExposition(await response.text())
  const samples = (metrics.get(name) ?? metrics.get(family) ?? []).filter(
    ([own, has]) => own === name && Object.entries(labels).every(([label, wanted]) => has[label] === wanted),
  )
  return samples.reduce((sum, [, , n]) => sum + n, 0)
}

let queues: Awaited<ReturnType<typeof recordQueues>>
let device: TestDevice
beforeAll(async () => {
  queues = await recordQueues()
  device = await registered()
})
afterAll(() => queues.restore())

describe('may be read', () => {
  it.each(['pay_auditor', 'pay_admin'])('by a %s', async (role) => {
    expect((await scrape(await token([role]))).status).toBe(200)
  })

  it('by a scraper with its own token', async () => {
    expect((await scrape(SCRAPER)).status).toBe(200)
  })

  it('by nobody else', async () => {
    await expectRefusal(await scrape(await token(['pay_reviewer'])), 'forbidden')
    await expectRefusal(await scrape(await token(['pay_auditor'], { tenant: 'molam' })), 'forbidden')
    for (const wrong of [SCRAPER.slice(1), `${SCRAPER}x`, SCRAPER.toUpperCase(), 'undefined', '']) {
      await expectRefusal(await scrape(wrong), 'unauthorized', wrong)
    }
    await expectRefusal(await SELF.fetch(`${ORIGIN}/metrics`), 'unauthorized')
  })

  it('with a token of scrapers only where one was set, and not with an empty one', async () => {
    await expectRefusal(await scrape(SCRAPER, {}), 'unauthorized')
    await expectRefusal(await scrape('undefined', {}), 'unauthorized')
    await expectRefusal(await scrape('', { METRICS_TOKEN: '' }), 'unauthorized')
  })
})

it('a push is counted once it shows in the read model, with its score', async () => {
  const [before, scores] = [await value('offline_bundles_pushed_total'), await value('offline_risk_score_count')]
  const made = await device.bundle([device.payment()], await keySet())
  await pushed(made.bundle)
  await pushed((await device.resign(made)).bundle)
  await tellReadModel(device)
  await deliverIndex(queues, bindings, device)
  expect(await value('offline_bundles_pushed_total', { country: 'SN' })).toBe(before + 1)
  expect(await value('offline_risk_score_count')).toBe(scores + 1)
})

it('a push that was scored by the local rules because there is no SIRA is counted as such', async () => {
  const of = () => value('offline_risk_fallbacks_total', { reason: 'not_configured' })
  const [before, latencies] = [await of(), await value('offline_sira_latency_seconds_count')]
  await pushed((await device.bundle([device.payment()], await keySet())).bundle)
  expect(await of()).toBe(before + 1)
  expect(await value('offline_sira_latency_seconds_count')).toBe(latencies)
})

it('a refused push is counted by its code', async () => {
  const before = await value('offline_bundles_rejected_total', { code: 'malformed_bundle' })
  await expectRefusal(await push(new Uint8Array([1, 2, 3])), 'malformed_bundle')
  expect(await value('offline_bundles_rejected_total', { code: 'malformed_bundle' })).toBe(before + 1)
})

const write = (row: CounterRow) => writeRow(bindings.DB, row)

it('what was counted survives its isolate, and is not counted twice when rows are added up', async () => {
  const nowMs = Date.now()
  const series = 'offline_risk_fallbacks_total{reason="timeout"}'
  for (const [at, ageMs] of [2 * 3_600_000, 3_600_001, 0].entries()) {
    const id = crypto.randomUUID()
    const isolate = new IsolateCounters(() => id)
    isolate.add(series, at + 1)
    await isolate.flush(write, nowMs)
    await bindings.DB.prepare('UPDATE offline_metric_rows SET started_at = started_at - ?1 WHERE id = ?2')
      .bind(ageMs, id)
      .run()
  }
  const read = async () => (await readMetrics(bindings.DB, [], nowMs)).get(series)
  const rows = async () => (await bindings.DB.prepare('SELECT * FROM offline_metric_rows').all()).results
  const before = (await rows()).length
  expect(await read()).toBe(6)
  await foldRows(bindings.DB, nowMs)
  expect(await read()).toBe(6)
  expect((await rows()).length).toBe(before - 2)
  await foldRows(bindings.DB, nowMs)
  expect(await read()).toBe(6)
})

it('an isolate that was idle until its row was added up for good goes on in another one', async () => {
  const series = 'offline_risk_fallbacks_total{reason="unreachable"}'
  const read = async () => (await readMetrics(bindings.DB, [], Date.now())).get(series)
  const isolate = new IsolateCounters(() => crypto.randomUUID())
  isolate.add(series, 10)
  await isolate.flush(write, Date.now())
  const laterMs = Date.now() + 61 * 60_000
  await foldRows(bindings.DB, laterMs)
  isolate.add(series)
  await isolate.flush(write, laterMs)
  expect(await read()).toBe(11)
})

it('a write that comes when its row may have been added up is refused', async () => {
  const id = crypto.randomUUID()
  await write({ id, startedAtMs: Date.now() - 56 * 60_000, rev: 1, counts: { late: 1 } })
  expect(await bindings.DB.prepare('SELECT 1 FROM offline_metric_rows WHERE id = ?').bind(id).first()).toBeNull()
})

it('pushes write their isolate’s counts every 10 s at the most: far below a tenth of a statement a push', async () => {
  const statements: string[] = []
  const counting = <T extends object>(target: T): T =>
    new Proxy(target, {
      get: (_, name) => {
        const method = Reflect.get(target, name) as unknown
        if (typeof method !== 'function') return method
        if (name === 'prepare') {
          return (sql: string) => {
            statements.push(sql)
            return method.call(target, sql)
          }
        }
        return method.bind(target)
      },
    })
  const env = { DB: counting(bindings.DB) }
  const keys = await keySet()
  const own = await registered()
  const pushes = 50
  for (let n = 0; n < pushes; n++) {
    const { bundle } = await own.bundle([own.payment()], keys)
    const init = { method: 'POST', headers: { 'content-type': 'application/vnd.molam.bundle+cose' }, body: bundle }
    expect((await fetchWith(env, '/offline/push', init as RequestInit)).status).toBe(200)
  }
  expect(statements.filter((sql) => sql.includes('offline_metric_rows')).length).toBeLessThanOrEqual(1)
  // The rest is the policies, read once in 10 s.
  expect(statements.length).toBeLessThanOrEqual(1 + 6)
})

describe('what is owed', () => {
  const sweep = async () => {
    const context = createExecutionContext()
    await worker.scheduled(createScheduledController(), bindings)
    await waitOnExecutionContext(context)
  }

  it('bundles that are not settled are counted as such, and nothing else, without a sweep; so is the age of the oldest', async () => {
    const own = await registered()
    const before = await value('offline_bundles_owed')
    await deliverIndex(queues, bindings, own)
    expect(await value('offline_bundles_owed')).toBe(before)
    const { header, bundle } = await own.bundle([own.payment()], await keySet())
    await pushed(bundle)
    await tellReadModel(own)
    await deliverIndex(queues, bindings, own)
    expect(await value('offline_bundles_owed')).toBe(before + 1)
    const longAgo = 'UPDATE offline_tx_bundles SET received_at = received_at - 3600000 WHERE device_id = ?'
    await unguardedInD1('offline_tx_bundles_no_update', () => bindings.DB.prepare(longAgo).bind(own.id).run())
    await age(own, 3_600_000)
    expect(await value('offline_bundles_owed_oldest_age_seconds')).toBeGreaterThanOrEqual(3_600)
    const outcomes = [{ counter: 1, status: 'succeeded', atMs: 1 }] as const
    const about = { deviceId: own.id, bundleId: header.bundleId, seq: 1, rev: 1, outcomes }
    await confirm(own, [{ kind: 'bundle_settled', ...about }])
    await deliverIndex(queues, bindings, own)
    expect(await value('offline_bundles_owed')).toBe(before)
    expect(await value('offline_bundles_owed_oldest_age_seconds')).toBeLessThan(3_600)
  })

  it('all that is owed is seen by the sweep, with the age of the oldest, until it is not owed any more', async () => {
    const own = await registered()
    await deliverIndex(queues, bindings, own)
    await pushed((await own.bundle([own.payment()], await keySet())).bundle)
    await sweep()
    expect(await value('offline_owed', { to: 'reconciler' })).toBeGreaterThanOrEqual(2)
    expect(await value('offline_devices_owing')).toBeGreaterThanOrEqual(1)
    vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 3_600_000)
    expect(await value('offline_owed_oldest_age_seconds')).toBeGreaterThanOrEqual(3_600)
    expect(await value('offline_sweep_age_seconds')).toBeGreaterThanOrEqual(3_600)
    vi.restoreAllMocks()
    const row = bindings.DB.prepare('SELECT * FROM offline_owed WHERE device_id = ?').bind(own.id)
    expect(await row.first()).toMatchObject({ settle: 2, oldest_at: expect.any(Number) })
  })

  it('a device that owes is asked again by every sweep, and its row goes when it owes nothing', async () => {
    const { writeOwed, owingDevices } = await import('../../../src/edge/metrics/owed.ts')
    const swept = (settle: number) => [
      { deviceId: 'POS-OWED', settle, index: 0, escalations: 0, oldestMs: settle ? 1 : null },
    ]
    await writeOwed(bindings.DB, swept(3), 5)
    expect(await owingDevices(bindings.DB, 1)).toEqual(['POS-OWED'])
    await writeOwed(bindings.DB, swept(0), 6)
    expect(await owingDevices(bindings.DB, 100)).not.toContain('POS-OWED')
    await writeOwed(bindings.DB, [{ deviceId: 'POS-OWED', settle: 0, index: 0, escalations: 2, oldestMs: 1 }], 7)
    expect(await owingDevices(bindings.DB, 100)).toContain('POS-OWED')
    expect(await value('offline_escalations_owed')).toBe(2)
    await writeOwed(bindings.DB, swept(0), 8)
    expect(await owingDevices(bindings.DB, 100)).not.toContain('POS-OWED')
  })
})
