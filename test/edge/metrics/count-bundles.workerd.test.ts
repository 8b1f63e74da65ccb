import { createMessageBatch } from 'cloudflare:test'
import { beforeEach, describe, expect, it } from 'vitest'
import { readMetrics } from '../../../src/edge/metrics/totals.ts'
import { consumeIndex } from '../../../src/edge/store/consume-index.ts'
import type { BundleRow, IndexMessage } from '../../../src/edge/store/index-message.ts'
import { sealedIndex } from '../../durable-objects/device/kit.ts'
import { bindings } from '../kit.ts'

/** Bundles are counted where they come into D1: exactly once each, whatever the queue does. */
let before: ReadonlyMap<string, number>
let next = 0
const metrics = () => readMetrics(bindings.DB, [], Date.now())
/** How much each series has grown since the test began. */
const grown = async (prefix = 'offline_bundles') => {
  const now = await metrics()
  const changes = [...now].map(([series, value]) => [series, value - (before.get(series) ?? 0)] as const)
  return Object.fromEntries(
    changes.filter(([series, by]) => series.startsWith(prefix) && !series.includes('_age_') && by !== 0),
  )
}
beforeEach(async () => {
  before = await metrics()
})

function bundle(over: Partial<BundleRow> = {}): BundleRow {
  const id = String(next++).padStart(26, '0')
  return {
    ...({
      bundleId: id,
      deviceId: 'POS-1',
      country: 'TG',
      tenant: 'molam',
      seq: next,
      status: 'pushed',
      rev: 1,
    } as const),
    ...({ currency: 'XOF', firstCounter: 1, lastCounter: 2, admittedCount: 2, admittedAmount: 100 } as const),
    ...({ policyVersion: 1, riskScore: 0.1, riskReasons: [], receivedAt: 1, updatedAt: 1, payments: [] } as const),
    ...({ digest: new Uint8Array([1]) } as object),
    ...({ admittedBy: ['r-1'], settlements: [] } as const),
    ...over,
  } as BundleRow
}

async function batchOf(rows: readonly BundleRow[]): Promise<MessageBatch<IndexMessage>> {
  const bodies = await Promise.all(rows.map((bundle) => sealedIndex({ bundle })))
  const messages = bodies.map((body, at) => ({
    id: `${at}`,
    timestamp: new Date(),
    attempts: 1,
    body: body as unknown,
  }))
  return createMessageBatch('molam-index', messages) as MessageBatch<IndexMessage>
}

async function consume(...rows: BundleRow[]): Promise<void> {
  const batch = await batchOf(rows)
  let retried = false
  batch.retryAll = () => {
    retried = true
  }
  await consumeIndex(batch, bindings)
  expect(retried).toBe(false)
}

it('a bundle is pushed once and comes into each of its statuses once', async () => {
  const row = bundle()
  await consume(row)
  expect(await grown()).toEqual({
    'offline_bundles_pushed_total{country="TG"}': 1,
    'offline_bundles{country="TG",status="pushed"}': 1,
    offline_bundles_owed: 1,
  })
  await consume({ ...row, rev: 2, status: 'accepted' })
  expect(await grown()).toEqual({
    'offline_bundles_pushed_total{country="TG"}': 1,
    'offline_bundles_accepted_total{country="TG"}': 1,
    'offline_bundles{country="TG",status="accepted"}': 1,
  })
})

describe('the queue', () => {
  it('may bring messages again, in any order, and twice in a batch', async () => {
    const [a, b] = [bundle(), bundle({ status: 'quarantined' })]
    const settled = { ...a, rev: 3, status: 'partially_accepted' as const }
    await consume(settled, a, b, b)
    await consume(a, settled)
    await consume(b, { ...a, rev: 2, status: 'review' })
    expect(await grown()).toEqual({
      'offline_bundles_pushed_total{country="TG"}': 2,
      'offline_bundles_partially_accepted_total{country="TG"}': 1,
      'offline_bundles_quarantined_total{country="TG"}': 1,
      'offline_bundles{country="TG",status="partially_accepted"}': 1,
      'offline_bundles{country="TG",status="quarantined"}': 1,
    })
  })

  it('may bring a rev that changes nothing of the status', async () => {
    const row = bundle({ status: 'review' })
    await consume(row)
    await consume({ ...row, rev: 2 })
    expect(await grown()).toMatchObject({ 'offline_bundles_review_total{country="TG"}': 1 })
  })

  it('may bring the same id from two devices, which are two bundles', async () => {
    const row = bundle()
    await consume(row, { ...row, deviceId: 'POS-2' })
    expect(await grown()).toMatchObject({ 'offline_bundles_pushed_total{country="TG"}': 2 })
  })
})

it('what is not written is not counted, and what was beside it once', async () => {
  await consumeIndex(await batchOf([bundle(), { ...bundle(), tenant: null as never }]), bindings)
  expect(await grown()).toEqual({
    'offline_bundles_pushed_total{country="TG"}': 1,
    'offline_bundles{country="TG",status="pushed"}': 1,
    offline_bundles_owed: 1,
  })
})

it('a bundle of which every payment was refused is a rejected one', async () => {
  await consume(bundle({ status: 'rejected' }))
  expect(await grown()).toMatchObject({ 'offline_bundles_rejected_total{code="all_payments_refused"}': 1 })
})

it('scores of new bundles fall into their buckets; a score counts once', async () => {
  const rows = [0, 0.15, 0.1501, 1].map((riskScore) => bundle({ riskScore }))
  await consume(...rows)
  await consume(...rows.map((row) => ({ ...row, rev: 2, status: 'accepted' as const })))
  const scores = await grown('offline_risk_score')
  expect(scores['offline_risk_score_count']).toBe(4)
  expect(scores['offline_risk_score_sum']).toBeCloseTo(1.3001)
  expect(scores['offline_risk_score_bucket{le="0.1"}']).toBe(1)
  expect(scores['offline_risk_score_bucket{le="0.15"}']).toBe(2)
  expect(scores['offline_risk_score_bucket{le="0.2"}']).toBe(3)
  expect(scores['offline_risk_score_bucket{le="+Inf"}']).toBe(4)
})

it('a batch costs one statement more, and rows for the series that change, not for the bundles', async () => {
  await consume(bundle(), bundle({ status: 'review' }))
  const statements: number[] = []
  const rowsWritten: number[] = []
  const db = new Proxy(bindings.DB, {
    get: (target, name) => {
      if (name !== 'batch') return Reflect.get(target, name).bind(target)
      return async (list: D1PreparedStatement[]) => {
        statements.push(list.length)
        const results = await target.batch(list)
        rowsWritten.push(results[0]?.meta.rows_written ?? -1)
        return results
      }
    },
  })
  const rows = Array.from({ length: 100 }, (_, at) =>
    bundle({ riskScore: at / 100, status: at % 2 ? 'pushed' : 'review' }),
  )
  await consumeIndex(await batchOf(rows), { ...bindings, DB: db })
  expect(statements).toEqual([2])
  expect(rowsWritten[0]).toBeLessThanOrEqual(20)
})
