import { describe, expect, it } from 'vitest'
import { sweep } from '../../../durable-objects/device/owed/sweep.ts'
import { type AuditFilter, listAudit } from '../../../src/edge/store/audit.ts'
import { bundlesSince, findBundles, listBundles } from '../../../src/edge/store/bundles.ts'
import { devicesWithBundles } from '../../../src/edge/store/devices.ts'
import { latestCode } from '../../../src/edge/store/enrolment.ts'
import { groupsOf, listReceived, totalsOf } from '../../../src/edge/store/received.ts'
import { readVotes } from '../../../src/edge/store/votes.ts'
import { TestDevice } from '../../kit/device.ts'
import { bindings } from '../kit.ts'
import { admin, call, ok } from './kit.ts'

describe('every list', () => {
  /** What SQLite says it would do for a query, by the query that is run. */
  async function plan(run: (db: D1Database) => Promise<unknown>): Promise<string> {
    const plans: string[] = []
    const db = {
      prepare: (sql: string) => {
        const explained = bindings.DB.prepare(`EXPLAIN QUERY PLAN ${sql}`)
        return {
          bind: (...values: unknown[]) => {
            const all = async () => {
              const { results } = await explained.bind(...values).all<{ detail: string }>()
              plans.push(...results.map(({ detail }) => detail))
              return { results: [] }
            }
            return { all, raw: () => all().then(() => []), first: () => all().then(() => null) }
          },
        }
      },
      batch: (statements: { all(): unknown }[]) => Promise.all(statements.map((one) => one.all())),
    }
    await run(db as never)
    return plans.join('; ')
  }

  const after = [1, 'a', 'b'] as const
  const day = { country: 'SN', fromMs: 1, toMs: 2 } as const
  const lists: Record<string, (db: D1Database) => Promise<unknown>> = {
    bundles: (db) => listBundles({ ...bindings, DB: db }, { after, from: 1, to: 2 }, 10),
    'bundles of a device': (db) => listBundles({ ...bindings, DB: db }, { deviceId: 'd', after }, 10),
    'bundles of a country': (db) =>
      listBundles({ ...bindings, DB: db }, { country: 'SN', status: 'failed', after }, 10),
    'bundles of a tenant': (db) => listBundles({ ...bindings, DB: db }, { tenant: 't', after }, 10),
    'a device’s bundles once more': (db) => bundlesSince(db, 'd', { receivedAt: 1, bundleId: 'b' }, 10),
    audit: (db) => listAudit(db, { after: [1, 'a x'] }, 10),
    'audit of a device': (db) => listAudit(db, { deviceId: 'd', after: [1, 'a x'] }, 10),
    'audit of a tenant': (db) => listAudit(db, { tenant: 't', after: [1, 'a x'] }, 10, 'asc'),
    'audit of a person': (db) => listAudit(db, { actor: 'user:awa', after: [1, 'a x'] }, 10),
    'audit of a code': (db) => listAudit(db, { actor: 'code:01', after: [1, 'a x'] }, 10),
    'audit of a bundle': (db) => listAudit(db, { bundleId: 'b', after: [1, 'a x'] }, 10),
    'audit of a bundle for people of a tenant': (db) => listAudit(db, { bundleId: 'b', tenant: 't' }, 10, 'asc'),
    'audit of a bundle at a device': (db) => listAudit(db, { bundleId: 'b', deviceId: 'd', from: 1 }, 10),
    'audit of days': (db) => listAudit(db, { from: 1, to: 2 }, 10, 'asc'),
    'audit of an action': (db) => listAudit(db, { action: 'key_rotated', after: [1, 'a x'] }, 10),
    escalations: (db) => listAudit(db, { action: 'escalation_raised', after: [1, 'a x'] }, 10),
    'a window’s devices': (db) => devicesWithBundles(db, { country: 'SN', tenant: 't', after: 'a' }, 1, 10),
    'a day': (db) => listReceived(db, day, after, 10),
    'the code of a device': (db) => latestCode({ ...bindings, DB: db }, 'd'),
  }
  it.each(Object.entries(lists))(
    '%s: looked up in an index and sorted by it, however many there are',
    async (name, run) => {
      const found = await plan(run)
      expect(found).toContain('SEARCH')
      // What one bundle has is sorted, for there is little of it.
      expect(found).not.toMatch(name.startsWith('audit of a bundle') ? /SCAN/ : /SCAN|TEMP B-TREE/)
    },
  )
  it('sums of a day are found by the country’s index, or device by device', async () => {
    expect(await plan((db) => totalsOf(db, day, 't'))).toMatch(
      /SEARCH b USING INDEX offline_tx_bundles_by_(country|tenant)/,
    )
    const found = await plan((db) => groupsOf(db, day, ['a', 'b']))
    expect(found).toContain(
      'SEARCH b USING INDEX offline_tx_bundles_by_device (device_id=? AND received_at>? AND received_at<?)',
    )
    expect(found).not.toMatch(/SCAN b(;|$| )/)
  })
  it('votes about bundles are found by the bundles’ ids', async () => {
    expect(await plan((db) => readVotes(db, ['a', 'b']))).toContain(
      'SEARCH offline_audit_logs USING INDEX offline_audit_logs_by_bundle (bundle_id=?)',
    )
  })
  it('a bundle is found by its id, also for people of one tenant', async () => {
    const narrowed = { deviceId: undefined, tenant: 't' }
    expect(await plan((db) => findBundles({ ...bindings, DB: db }, 'b', narrowed))).toContain('(bundle_id=?)')
  })
  it('audit records are found by the index that narrows most', async () => {
    const indexes: [index: string, filter: AuditFilter][] = [
      ['by_bundle (bundle_id=?', { bundleId: 'b' }],
      ['by_bundle (bundle_id=?', { bundleId: 'b', deviceId: 'd', tenant: 't', from: 1, to: 2 }],
      ['by_actor (actor=?', { actor: 'user:awa' }],
      ['by_actor (actor=?', { actor: 'code:01', from: 1 }],
      ['by_action (action=?', { action: 'key_rotated' }],
      ['by_action (action=?', { action: 'escalation_raised', tenant: 't' }],
      ['by_device (device_id=?', { deviceId: 'd', action: 'bundle_admitted', actor: 'device' }],
      ['by_tenant (tenant=?', { tenant: 't' }],
      ['by_time (at>?', { from: 1, to: 2 }],
    ]
    for (const [index, filter] of indexes) {
      const found = await plan((db) => listAudit(db, filter, 10))
      expect(found, JSON.stringify(filter)).toContain(
        `SEARCH offline_audit_logs USING INDEX offline_audit_logs_${index}`,
      )
      if (filter.bundleId === undefined) expect(found).not.toContain('TEMP B-TREE')
    }
  })
})

it('keys of writes are forgotten after a week', async () => {
  const device = await TestDevice.create()
  const codes = '/offline/devices/enrolment-codes'
  const asked = { device_id: device.id, country: 'SN', tenant: 'molam', owner_wallet: device.ownerWallet }
  await ok(call({ ...admin, key: 'old-one' }, 'POST', codes, asked), 201)
  const count = async () =>
    await bindings.DB.prepare("SELECT COUNT(*) AS n FROM offline_idempotency_keys WHERE key = 'old-one'").first('n')
  await sweep(bindings, Date.now() + 6 * 86_400_000)
  expect(await count()).toBe(1)
  await sweep(bindings, Date.now() + 8 * 86_400_000)
  expect(await count()).toBe(0)
})
