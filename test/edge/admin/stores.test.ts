import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { DeviceObject } from '../../../durable-objects/device-object.ts'
import { sweep } from '../../../durable-objects/sweep.ts'
import { listAudit } from '../../../src/store/audit.ts'
import { bundlesSince, listBundles, listWaiting } from '../../../src/store/bundles.ts'
import { listDevices } from '../../../src/store/devices.ts'
import { latestCode } from '../../../src/store/enrolment.ts'
import { stubOf } from '../../durable-objects/kit.ts'
import { TestDevice } from '../../kit/device.ts'
import { bindings, keySet, push, pushed, registered } from '../kit.ts'
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
            return { all, first: () => all().then(() => null) }
          },
        }
      },
    }
    await run(db as never)
    return plans.join('; ')
  }

  const after = [1, 'a', 'b'] as const
  const lists: Record<string, (db: D1Database) => Promise<unknown>> = {
    devices: (db) => listDevices(db, { after: 'a' }, 10),
    'devices of a country': (db) => listDevices(db, { country: 'SN', after: 'a' }, 10),
    'devices of a tenant': (db) => listDevices(db, { tenant: 't', country: 'SN', after: 'a' }, 10),
    'devices by status': (db) => listDevices(db, { status: 'suspended', after: 'a' }, 10),
    bundles: (db) => listBundles(db, { after, from: 1, to: 2 }, 10),
    'bundles of a device': (db) => listBundles(db, { deviceId: 'd', after }, 10),
    'bundles of a country': (db) => listBundles(db, { country: 'SN', status: 'failed', after }, 10),
    'bundles of a tenant': (db) => listBundles(db, { tenant: 't', after }, 10),
    'what waits': (db) => listWaiting(db, { after }, 10),
    'a device’s bundles once more': (db) => bundlesSince(db, 'd', { receivedAt: 1, bundleId: 'b' }, 10),
    audit: (db) => listAudit(db, { after: [1, 'a'] }, 10),
    'audit of a device': (db) => listAudit(db, { deviceId: 'd', after: [1, 'a'] }, 10),
    'audit of a tenant': (db) => listAudit(db, { tenant: 't', after: [1, 'a'] }, 10, 'asc'),
    'audit of a person': (db) => listAudit(db, { actor: 'user:awa', after: [1, 'a'] }, 10),
    escalations: (db) => listAudit(db, { action: 'escalation_raised', after: [1, 'a'] }, 10),
    'the code of a device': (db) => latestCode(db, 'd'),
  }
  it.each(Object.entries(lists))('%s: found by an index and sorted by it, however many there are', async (_, run) => {
    const found = await plan(run)
    expect(found).toMatch(/SEARCH|SCAN .* USING (COVERING )?INDEX/)
    expect(found).not.toContain('TEMP B-TREE')
    expect(found).not.toMatch(/SCAN \w+(;|$)/)
  })
  it('what waits is found by its own small index, people by theirs', async () => {
    expect(await plan((db) => listWaiting(db, { after }, 10))).toContain('offline_tx_bundles_waiting')
    expect(await plan((db) => listAudit(db, { actor: 'user:awa' }, 10))).toContain('offline_audit_logs_by_person')
    expect(await plan((db) => listAudit(db, { action: 'escalation_raised' }, 10))).toContain('_escalations')
  })
})

it('an object that was made before a change of its tables is brought up to date, with everything in it', async () => {
  const device = await registered()
  await pushed((await device.bundle([device.payment()], await keySet())).bundle)
  const stub = stubOf(device)
  // As the first version left it.
  await runInDurableObject(stub, (_, { storage: { sql } }) => {
    for (const table of ['schema_version', 'decisions', 'answers', 'escalations']) sql.exec(`DROP TABLE ${table}`)
    for (const column of ['key_rev', 'older_keys', 'last_code']) sql.exec(`ALTER TABLE device DROP COLUMN ${column}`)
    sql.exec('ALTER TABLE bundles DROP COLUMN votes')
  })
  await runInDurableObject(stub, (object, state) => {
    const Again = object.constructor as new (ctx: DurableObjectState, env: unknown) => DeviceObject
    const again = new Again(state, bindings)
    expect(again.describe()).toMatchObject({ head: 1, status: 'active', olderKeys: [] })
    expect(new Again(state, bindings).describe()).toMatchObject({ head: 1 })
  })
  await pushed((await device.bundle([device.payment()], await keySet())).bundle)
})

it('an escalation is owed to SIRA until somebody says that it was told', async () => {
  const device = await registered()
  await pushed((await device.bundle([device.payment()], await keySet())).bundle)
  await push((await device.bundle([device.payment()], await keySet(), { seq: 1, prev: new Uint8Array(16) })).bundle)
  expect(await stubOf(device).escalationsOwed()).toMatchObject([{ id: 1, kind: 'chain_fork', seq: 1 }])
  await stubOf(device).escalationTold(1)
  expect(await stubOf(device).escalationsOwed()).toEqual([])
  expect(await stubOf(await TestDevice.create()).escalationsOwed()).toEqual([])
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
