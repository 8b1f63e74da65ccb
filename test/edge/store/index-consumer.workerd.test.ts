import { createExecutionContext, createMessageBatch, getQueueResult } from 'cloudflare:test'
import { beforeEach, expect, it } from 'vitest'
import { consumeIndex } from '../../../src/edge/store/consume-index.ts'
import type { AuditRow, BundleRow, DeviceRow, IndexMessage } from '../../../src/edge/store/index-message.ts'
import { bundleUpserts } from '../../../src/edge/store/projections.ts'
import { writeRows } from '../../../src/edge/store/write-rows.ts'
import worker from '../../../src/index.ts'
import { dumpReadModel, sealedIndex, unguardedInD1 } from '../../durable-objects/device/kit.ts'
import { bindings } from '../kit.ts'

/** The index queue's consumer: repeats and any order are fine, one batch is one transaction, and failures come again. */
let deviceId: string
beforeEach(() => {
  deviceId = `IDX-${crypto.randomUUID().slice(0, 8)}`
})

const deviceRow = (rev: number, over: Partial<DeviceRow> = {}): DeviceRow => ({
  deviceId,
  tenant: 'molam',
  country: 'SN',
  status: 'active',
  alg: -7,
  kid: '0102030405060708',
  ownerWalletFault: null,
  rev,
  registeredAt: 1,
  ...over,
})
const bundleRow = (seq: number, rev: number, over: Partial<BundleRow> = {}) => {
  const row = {
    bundleId: `${seq}`.padStart(26, '0'),
    deviceId,
    country: 'SN',
    tenant: 'molam',
    seq,
    status: 'pushed',
    rev,
    currency: 'XOF',
    firstCounter: seq,
    lastCounter: seq,
    admittedCount: 1,
    admittedAmount: 2 ** 53 - 1,
    policyVersion: 1,
    riskScore: 0.15,
    riskReasons: ["it's", '"quoted"'],
    receivedAt: 1_790_000_000_000,
    updatedAt: 1_790_000_000_000 + rev,
    payments: [[seq, seq, 'pending']],
    admittedBy: ['r-1'],
    settlements: [],
    digest: Uint8Array.of(0, 255, seq % 256),
    ...over,
  }
  return row as BundleRow
}
const auditRow = (id: number) => {
  const row = {
    id: `${deviceId}/${id}`,
    deviceId,
    tenant: null,
    at: id,
    actor: 'device',
    action: 'x',
    bundleId: null,
    requestId: null,
    detail: { id },
  }
  return row as AuditRow
}

async function consume(messages: readonly IndexMessage[]) {
  const bodies = await Promise.all(messages.map(sealedIndex))
  const batch = createMessageBatch(
    'molam-index',
    bodies.map((body, i) => ({ id: `${i}`, timestamp: 0, attempts: 1, body })),
  )
  const context = createExecutionContext()
  await worker.queue(batch, bindings)
  return getQueueResult(batch, context)
}
const shownBundles = async () =>
  (await bindings.DB.prepare('SELECT * FROM offline_tx_bundles WHERE device_id = ? ORDER BY seq').bind(deviceId).all())
    .results

it('a row arrives as it was sent: numbers, texts, lists and bytes', async () => {
  await consume([{ bundle: bundleRow(1, 1), device: deviceRow(1), audit: [auditRow(1)] }])
  const [row] = await shownBundles()
  expect(row).toMatchObject({ seq: 1, admitted_amount: 2 ** 53 - 1, risk_score: 0.15, received_at: 1_790_000_000_000 })
  expect(JSON.parse(`${row?.['risk_reasons']}`)).toEqual(["it's", '"quoted"'])
  expect(JSON.parse(`${row?.['payments']}`)).toEqual([[1, 1, 'pending']])
  expect(row?.['digest']).toEqual([0, 255, 1])
})

it('twice, and in any order, ends with the newest revision of everything', async () => {
  const messages: IndexMessage[] = []
  for (let rev = 1; rev <= 4; rev++) {
    messages.push({ bundle: bundleRow(1, rev, { status: rev === 4 ? 'accepted' : 'pushed' }) })
    messages.push({ device: deviceRow(rev, { status: rev === 4 ? 'revoked' : 'active' }), audit: [auditRow(rev)] })
  }
  await consume(messages.toReversed())
  const after = await dumpReadModel()
  await consume(messages)
  await consume([messages[3] ?? {}, messages[0] ?? {}, messages[3] ?? {}])
  expect(await dumpReadModel()).toBe(after)
  expect(await shownBundles()).toMatchObject([{ rev: 4, status: 'accepted' }])
  const device = await bindings.DB.prepare('SELECT * FROM offline_devices WHERE device_id = ?').bind(deviceId).first()
  expect(device).toMatchObject({ rev: 4, status: 'revoked' })
})

it('the newest of one batch wins, wherever it stands in it', async () => {
  await consume([{ bundle: bundleRow(1, 3) }, { bundle: bundleRow(1, 9) }, { bundle: bundleRow(1, 5) }])
  expect(await shownBundles()).toMatchObject([{ rev: 9 }])
})

/** Far more than the rules say of a bundle. */
const large = { riskReasons: ['x'.repeat(100_000)] as never }

it('a batch of a hundred messages, with very large rows among them, is written whole', async () => {
  // 2.5 MB as text, where one parameter takes 2 MB at the most.
  const over = (i: number) => (i % 4 === 0 ? large : {})
  const result = await consume(Array.from({ length: 100 }, (_, i) => ({ bundle: bundleRow(i + 1, 1, over(i)) })))
  expect(result.retryBatch.retry).toBe(false)
  const { results } = await bindings.DB.prepare(
    'SELECT COUNT(*) AS n, COUNT(*) FILTER (WHERE LENGTH(risk_reasons) > 100000) AS large FROM offline_tx_bundles WHERE device_id = ?',
  )
    .bind(deviceId)
    .all()
  expect(results).toEqual([{ n: 100, large: 25 }])
  await unguardedInD1('offline_tx_bundles_no_delete', () =>
    bindings.DB.prepare('DELETE FROM offline_tx_bundles WHERE device_id = ?').bind(deviceId).run(),
  )
})

it('no parameter is larger than D1 takes, however large the batch is', () => {
  const parameters: string[] = []
  const statement = { bind: (text: string) => parameters.push(text) }
  const rows = Array.from({ length: 30 }, (_, i) => bundleRow(i + 1, 1, large))
  bundleUpserts({ prepare: () => statement } as unknown as D1Database, rows)
  expect(parameters.length).toBeGreaterThan(1)
  for (const parameter of parameters) expect(parameter.length).toBeLessThan(2_000_000)
  const seqs = parameters.flatMap((text) => (JSON.parse(text) as { seq: number }[]).map(({ seq }) => seq))
  expect(seqs).toEqual(rows.map(({ seq }) => seq))
})

it('the same bundle id of two devices is two rows', async () => {
  await consume([{ bundle: bundleRow(1, 1) }, { bundle: bundleRow(1, 1, { deviceId: `${deviceId}-2` }) }])
  expect(await shownBundles()).toHaveLength(1)
  const { results } = await bindings.DB.prepare("SELECT 1 FROM offline_tx_bundles WHERE device_id LIKE ? || '%'")
    .bind(deviceId)
    .all()
  expect(results).toHaveLength(2)
})

it('while D1 fails nothing is written and the whole batch comes again', async () => {
  const before = await dumpReadModel()
  let asked = 0
  const broken = Object.assign(Object.create(bindings.DB), {
    prepare: (sql: string) => bindings.DB.prepare(sql),
    batch: () => {
      asked++
      return Promise.reject(new Error('D1_ERROR: Network connection lost.'))
    },
  })
  const bodies = await Promise.all([1, 2, 3].map((seq) => sealedIndex({ bundle: bundleRow(seq, 1) })))
  const batch = createMessageBatch(
    'molam-index',
    bodies.map((body, i) => ({ id: `${i + 1}`, timestamp: 0, attempts: 1, body })),
  )
  await consumeIndex(batch as MessageBatch<IndexMessage>, { ...bindings, DB: broken })
  const { retryMessages } = await getQueueResult(batch, createExecutionContext())
  expect(retryMessages.map(({ msgId }) => msgId)).toEqual(['1', '2', '3'])
  // Asking message by message would be asking for a hundred times what does not answer.
  expect(asked).toBe(1)
  expect(await dumpReadModel()).toBe(before)
})

it.each<[string, object]>([
  ['that D1 does not take', { tenant: null }],
  ['that cannot be read', { digest: undefined }],
])('a message %s comes again alone: all others of its batch are written', async (_, over) => {
  const poison = { bundle: { ...bundleRow(37, 1), ...over } as BundleRow, device: deviceRow(2) }
  const good = Array.from({ length: 100 }, (_, i) => ({ bundle: bundleRow(i + 1, 1), audit: [auditRow(i + 1)] }))
  const result = await consume(good.with(36, poison as never))
  expect(result.retryBatch.retry).toBe(false)
  expect(result.retryMessages.map(({ msgId }) => msgId)).toEqual(['36'])
  expect((await shownBundles()).map(({ seq }) => seq)).toEqual(good.map((_, i) => i + 1).filter((seq) => seq !== 37))
  // Of a message that cannot be written nothing is.
  expect(
    await bindings.DB.prepare('SELECT 1 FROM offline_devices WHERE device_id = ?').bind(deviceId).first(),
  ).toBeNull()
})

it('an empty batch is nothing', async () => {
  const before = await dumpReadModel()
  await consume([{}])
  expect(await dumpReadModel()).toBe(before)
})

it('a D1 that takes nothing at all is not asked a thousand times, and nothing is called written', async () => {
  let batches = 0
  const batch = () => {
    batches++
    return Promise.reject(new Error('D1_ERROR: no such column: x: SQLITE_ERROR'))
  }
  const db = { prepare: bindings.DB.prepare.bind(bindings.DB), batch } as never
  const parts = Array.from({ length: 500 }, (_, i) => ({ bundle: bundleRow(i + 1, 1) }))
  const unwritten = await writeRows(db, parts, (part) => part)
  expect(unwritten.flatMap((one) => one.parts)).toHaveLength(500)
  expect(batches).toBeLessThanOrEqual(60)
})
