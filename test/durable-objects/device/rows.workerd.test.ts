import { beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { bindings, expectRefusal, insertPolicy, keySet, push, pushed, registered } from '../../edge/kit.ts'
import { randomBytes, type TestDevice } from '../../kit/device.ts'
import {
  age,
  alarm,
  confirm,
  deliverIndex,
  dumpReadModel,
  inObject,
  lostQueues,
  type Queues,
  recordAll,
  select,
  stubOf,
} from './kit.ts'

/** What is written: audit of every change, few rows, and nothing personal where it does not belong. */
let keys: KeySet
let queues: Queues
let device: TestDevice

beforeAll(async () => {
  keys = await keySet()
})
beforeEach(async () => {
  queues = await lostQueues()
  device = await registered()
  queues.watch(device)
})

const ops = { actor: 'user:ops', requestId: 'r-1' }
const audit = () => select<{ actor: string; action: string }>(device, 'SELECT * FROM audit ORDER BY id')

const CHANGES = [
  'DELETE FROM offline_tx_bundles',
  'UPDATE offline_tx_bundles SET received_at = 1',
  `UPDATE offline_tx_bundles SET admitted_by = '{}'`,
  'UPDATE offline_tx_bundles SET seq = seq + 1000',
  `UPDATE offline_tx_bundles SET digest = x'00'`,
  `UPDATE offline_tx_bundles SET settlements = '[]'`,
  `UPDATE offline_tx_bundles SET settlements = json_replace(settlements, '$[0]', 'failed')`,
]

async function settleFirst(bundleId?: Uint8Array): Promise<void> {
  const [first] = await select<{ id: ArrayBuffer }>(device, 'SELECT bundle_id AS id FROM bundles WHERE seq = 1')
  const id = bundleId ?? new Uint8Array(first?.id ?? new ArrayBuffer())
  const outcomes = [{ counter: 1, status: 'succeeded', atMs: 1 }] as const
  await confirm(device, [{ kind: 'bundle_settled', deviceId: device.id, bundleId: id, seq: 1, rev: 1, outcomes }])
}

describe('audit', () => {
  it('every change of the object has its record, with who did it; a repeat has none', async () => {
    const made = await device.bundle([device.payment()], keys)
    for (let i = 0; i < 2; i++) await pushed(made.bundle)
    for (let i = 0; i < 2; i++) await stubOf(device).setStatus('suspended', ops, 'lost')
    await stubOf(device).setStatus('active', ops, 'found')
    const { bundleId } = made.header
    const outcomes = [{ counter: 1, status: 'succeeded', atMs: 1 }] as const
    const news = { kind: 'bundle_settled', deviceId: device.id, bundleId, seq: 1, rev: 1, outcomes } as const
    for (let i = 0; i < 2; i++) await confirm(device, [news])
    await stubOf(device).setStatus('revoked', ops, 'stolen')
    expect((await audit()).map(({ actor, action }) => `${actor} ${action}`)).toEqual([
      'user:ops-1 device_registered',
      'user:ops device_suspended',
      'user:ops device_active',
      'user:ops device_revoked',
    ])
    // Those of the bundle are its row, in the object and in D1.
    const [row] = await select(device, 'SELECT admitted_by, settlements FROM bundles')
    const shown = await bindings.DB.prepare(
      'SELECT admitted_by, settlements FROM offline_tx_bundles WHERE device_id = ?',
    )
      .bind(device.id)
      .first()
    const admittedBy = JSON.parse(`${row?.['admitted_by']}`)
    expect(admittedBy).toMatchObject({ detail: { status: 'pushed' } })
    const settlements = JSON.parse(`${row?.['settlements']}`)
    expect(settlements).toMatchObject([{ requestId: 'r-1', status: 'accepted', payments: 1 }])
    expect(JSON.parse(`${shown?.['admitted_by']}`)).toEqual([admittedBy.requestId])
    expect(JSON.parse(`${shown?.['settlements']}`)).toEqual([[expect.any(Number), 'r-1']])
  })

  it('can be neither changed, deleted nor replaced, in the object and in D1', async () => {
    await deliverIndex(queues)
    const replace = "REPLACE INTO audit SELECT id, at, 'x', action, bundle_id, request_id, detail FROM audit"
    const upsert = `INSERT INTO audit SELECT * FROM audit WHERE true ON CONFLICT (id) DO UPDATE SET actor = 'x'`
    const untouched = await audit()
    for (const statement of ["UPDATE audit SET actor = 'x'", 'DELETE FROM audit', replace, upsert]) {
      await inObject(device, ({ storage }) => {
        expect(() => storage.sql.exec(statement), statement).toThrow(/append-only/)
      })
    }
    expect(await audit()).toEqual(untouched)
    await pushed((await device.bundle([device.payment()], keys)).bundle)
    await settleFirst()
    for (const change of CHANGES) {
      const inTheObject = change.replace('offline_tx_bundles', 'bundles')
      await inObject(device, ({ storage }) => {
        expect(() => storage.sql.exec(inTheObject), inTheObject).toThrow(/append-only/)
      })
      await expect(bindings.DB.prepare(change).run(), change).rejects.toThrow(/append-only/)
    }
    const names = (
      await bindings.DB.prepare("SELECT name FROM pragma_table_info('offline_tx_bundles')").all<{ name: string }>()
    ).results
    const forged = (column: string, value: string) => {
      const values = names.map(({ name }) => (name === column ? value : name === 'rev' ? 'rev + 1' : name))
      return `REPLACE INTO offline_tx_bundles SELECT ${values.join(', ')} FROM offline_tx_bundles`
    }
    for (const [column, value] of [
      ['settlements', "'[]'"],
      ['admitted_by', "'{}'"],
      ['digest', "x'00'"],
    ] as const) {
      await expect(bindings.DB.prepare(forged(column, value)).run(), column).rejects.toThrow(/append-only/)
    }
    const again = 'REPLACE INTO bundles SELECT * FROM bundles'
    await inObject(device, ({ storage }) => expect(() => storage.sql.exec(again)).toThrow(/append-only/))
    await insertPolicy('BF', { max_relay_hours: 11 })
    for (const table of ['offline_audit_logs', 'offline_policies']) {
      const before = await dumpReadModel()
      await expect(bindings.DB.prepare(`DELETE FROM ${table}`).run()).rejects.toThrow(/append-only|never deleted/)
      const column = table === 'offline_policies' ? 'signed' : 'at'
      await expect(bindings.DB.prepare(`UPDATE ${table} SET ${column} = 0`).run()).rejects.toThrow(
        /append-only|never changed/,
      )
      expect(await dumpReadModel()).toBe(before)
    }
    const shown = await dumpReadModel()
    // A record that is there already stays, and its repetition is none.
    await bindings.DB.prepare(
      `REPLACE INTO offline_audit_logs
        SELECT id, device_id, tenant, at, 'x', action, bundle_id, request_id, detail FROM offline_audit_logs`,
    ).run()
    const policies = 'REPLACE INTO offline_policies SELECT * FROM offline_policies'
    await expect(bindings.DB.prepare(policies).run()).rejects.toThrow(/never replaced/)
    expect(await dumpReadModel()).toBe(shown)
  })

  it('reaches D1 whole, although messages are lost, repeated and out of order', async () => {
    await pushed((await device.bundle([device.payment()], keys)).bundle)
    await stubOf(device).setStatus('suspended', ops, 'lost')
    await age(device, 60_000)
    await alarm(device)
    const messages = [...queues.index]
    const last = messages.at(-1) ?? {}
    await deliverIndex({ ...queues, index: [last, last] })
    queues.clear()
    await age(device, 60_000)
    await alarm(device)
    await deliverIndex({ ...queues, index: [...queues.index, ...messages.toReversed(), ...queues.index] })
    const shown = await bindings.DB.prepare('SELECT id, action FROM offline_audit_logs WHERE device_id = ? ORDER BY id')
      .bind(device.id)
      .all()
    expect(shown.results).toEqual([
      { id: `${device.id}/1`, action: 'device_registered' },
      { id: `${device.id}/2`, action: 'device_suspended' },
    ])
  })
})

describe('rows', () => {
  it('a push writes as many for a hundred payments as for one, a repeat and a refusal none', async () => {
    // A hundred payments must not be refused for their number, so that all of them count.
    await insertPolicy('ML', { max_offline_per_device_per_day: 1000 })
    device = await registered({ country: 'ML' })
    const yesterday = 'UPDATE device SET registered_at = registered_at - 86400000'
    await inObject(device, ({ storage }) => void storage.sql.exec(yesterday))
    // A payment a minute, each of another customer: one that waits for a person has a row in an index.
    const minutesAgo = (minutes: number) => Math.floor(Date.now() / 1000) * 1000 - minutes * 60_000
    const one = await device.bundle([device.payment({ initiatedAtMs: minutesAgo(101) })], keys)
    const hundred = await device.bundle(
      Array.from({ length: 100 }, (_, n) => device.payment({ sender: `W-C${n}`, initiatedAtMs: minutesAgo(100 - n) })),
      keys,
    )
    const late = await device.bundle([device.payment()], keys, { seq: 2, bundleId: one.header.bundleId })
    const first = await rowsWritten(() => pushed(one.bundle))
    const second = await rowsWritten(() => pushed(hundred.bundle))
    // The bundle with its three unique keys, and the device's row.
    expect(first).toBeLessThanOrEqual(4)
    expect(second).toBe(first)
    // The bundle, and what its device is told.
    expect(await rowsWritten(() => settleFirst(one.header.bundleId))).toBe(2)
    expect(await rowsWritten(() => settleFirst(one.header.bundleId))).toBe(0)
    expect(await rowsWritten(() => pushed(one.bundle))).toBe(0)
    const carried = await device.resign(one, { relay: true })
    expect(
      await rowsWritten(() => repeatedly(60, () => pushed(carried.bundle, { 'cf-connecting-ip': '192.0.2.1' }))),
    ).toBe(0)
    await expectRefusal(await push(late.bundle), 'bundle_conflict')
    expect(await rowsWritten(async () => expectRefusal(await push(late.bundle), 'bundle_conflict'))).toBe(0)
  })

  async function repeatedly(times: number, run: () => Promise<unknown>): Promise<void> {
    for (let i = 0; i < times; i++) await run()
  }

  /** What the object's SQLite counts as written while `run` runs. */
  async function rowsWritten(run: () => Promise<unknown>): Promise<number> {
    const cursors: { rowsWritten: number }[] = []
    const restore = await inObject(device, ({ storage }) => {
      const shared = Object.getPrototypeOf(storage.sql) as SqlStorage
      const exec = shared.exec
      shared.exec = function (this: SqlStorage, ...args: Parameters<typeof exec>) {
        const cursor = exec.apply(this, args)
        cursors.push(cursor)
        return cursor
      } as typeof exec
      return () => {
        shared.exec = exec
      }
    })
    try {
      await run()
    } finally {
      restore()
    }
    expect(cursors.length).toBeGreaterThan(0)
    return cursors.reduce((sum, cursor) => sum + cursor.rowsWritten, 0)
  }
})

describe('nothing personal', () => {
  it('wallets are in no row of D1, no log line and no error answer', async () => {
    const lines: string[] = []
    for (const level of ['log', 'info', 'warn', 'error', 'debug'] as const) {
      const spy = vi.spyOn(console, level).mockImplementation((...args) => void lines.push(JSON.stringify(args)))
      onTestFinished(() => spy.mockRestore())
    }
    const secret = { sender: 'W-221770001122', receiver: 'W-SECRET-SHOP', meta: { invoice: 'W-SECRET-NOTE' } }
    const made = await device.bundle([device.payment(secret), device.payment({ ...secret, method: 'ussd' })], keys)
    await pushed(made.bundle)
    queues.fails = 'rejects'
    const fork = await device.bundle([device.payment(secret)], keys, { seq: 1, prev: new Uint8Array(16) })
    const answer = await (await push(fork.bundle)).text()
    queues.fails = undefined
    await age(device, 60_000)
    await alarm(device)
    await recordAll(device, queues)
    await deliverIndex(queues)
    await (await push(await device.sealBytes(randomBytes(50), keys).then(({ bundle }) => bundle))).text()
    const texts = { d1: await dumpReadModel(), logs: lines.join('\n'), answer }
    expect(lines.length, 'the failing queue was logged').toBeGreaterThan(0)
    expect(texts.d1).toContain(device.id)
    for (const [where, text] of Object.entries(texts)) {
      for (const wallet of [device.ownerWallet, 'W-221770001122', 'SECRET']) {
        expect(text.includes(wallet), `${wallet} in ${where}`).toBe(false)
        const hex = [...wallet].map((char) => char.charCodeAt(0).toString(16)).join('')
        expect(text.includes(hex), `${wallet} as bytes in ${where}`).toBe(false)
      }
    }
  })
})
