import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { release } from '../../../reconciler/commands/release.ts'
import { status } from '../../../reconciler/commands/status.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import type { SettleMessage } from '../../../src/protocol/messages.ts'
import { encodeSettleMessage, parseSettleMessage } from '../../../src/protocol/settle-codec.ts'
import { randomBytes } from '../../kit/device.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'
import { call } from './kit.ts'

const db = useDatabase()
let world: World
let payer: string
beforeAll(async () => {
  world = await makeWorld(db())
  payer = newWallet()
  await db().open(payer, 1_000_000)
})
afterAll(() => world.close())

const forge = (message: Uint8Array) => {
  const parsed = parseSettleMessage(message) as Extract<SettleMessage, { kind: 'bundle' }>
  return encodeSettleMessage({ ...parsed, receipt: randomBytes(80) })
}

/** A bundle that is parked because of its receipt, and a message that nobody can read. */
let ids: { bundle: number; unreadable: number; deviceId: string }
beforeEach(async () => {
  await db().owner.query("DELETE FROM offline_sync_queue WHERE status <> 'done'")
  const device = await world.device()
  const forged = forge(await world.admit(device, [device.payment({ sender: payer })]))
  world.network.send(world.facts(device), forged, randomBytes(30))
  await world.settle()
  const { rows } = await db().app.query("SELECT id, kind FROM offline_sync_queue WHERE status = 'parked'")
  const idOf = (kind: string) => rows.find((row) => row.kind === kind).id
  ids = { bundle: idOf('bundle'), unreadable: idOf('unreadable'), deviceId: device.id }
})

const stateOf = async (id: number) =>
  (await db().app.query('SELECT status, attempts FROM offline_sync_queue WHERE id = $1', [id])).rows[0]

test('what is parked is listed with its reason, and makes status fail', async () => {
  const { code, output } = await call(status, ['--json'], world)
  expect(code).toBe(1)
  expect(JSON.parse(output)).toMatchObject({
    parked: 2,
    pending: 0,
    parkedMessages: [
      { id: ids.bundle, kind: 'bundle', device_id: ids.deviceId, fault: 'invalid_receipt' },
      { id: ids.unreadable, kind: 'unreadable', device_id: null },
    ],
  })
  const text = (await call(status, ['--show', '1'], world)).output
  expect(text).toContain('invalid_receipt')
  expect(text).toContain('… and 1 more')
})

test('a message is released by its id, and who did it is on record', async () => {
  const { code, output } = await call(release, ['--id', String(ids.bundle), '--by', 'awa', '--json'], world)
  expect(code).toBe(0)
  expect(JSON.parse(output)).toEqual({
    released: [{ id: ids.bundle, kind: 'bundle', device_id: ids.deviceId, fault: 'invalid_receipt' }],
  })
  expect(await stateOf(ids.bundle)).toEqual({ status: 'pending', attempts: 0 })
  expect(await stateOf(ids.unreadable)).toMatchObject({ status: 'parked' })
  const { rows } = await db().app.query(
    "SELECT stream, actor, detail FROM offline_audit_logs WHERE action = 'inbox_released' ORDER BY at DESC LIMIT 1",
  )
  expect(rows).toEqual([
    {
      stream: `device:${ids.deviceId}`,
      actor: 'operator:awa',
      detail: { inbox: ids.bundle, kind: 'bundle', fault: 'invalid_receipt' },
    },
  ])
  expect((await db().app.query('SELECT * FROM offline_audit_breaks')).rows).toEqual([])
})

test('what was parked for a good reason is parked again', async () => {
  await call(release, ['--all', '--by', 'awa'], world)
  for (let i = 0; i < 12; i++) await world.settle()
  expect(await stateOf(ids.bundle)).toMatchObject({ status: 'parked' })
  expect(await stateOf(ids.unreadable)).toMatchObject({ status: 'parked' })
})

test('what was parked for a reason that is gone is settled', async () => {
  const device = await world.device()
  const facts = world.facts(device)
  const message = await world.admit(device, [device.payment({ sender: payer })])
  await db().owner.query(`ALTER TABLE offline_transactions ADD CONSTRAINT no_good CHECK (device_id <> '${device.id}')`)
  world.network.send(facts, message)
  for (let i = 0; i < 12; i++) await world.settle()
  await db().owner.query('ALTER TABLE offline_transactions DROP CONSTRAINT no_good')
  expect((await call(release, ['--fault', 'error 23514', '--by', 'awa'], world)).output).toContain('1 released')
  await world.settle()
  expect(world.network.outcomes(device.id)).toMatchObject([{ status: 'succeeded' }])
})

test.each([
  ['a kind', ['--kind', 'unreadable'], ['unreadable']],
  ['a fault', ['--fault', 'invalid_rec'], ['bundle']],
  ['everything', ['--all'], ['bundle', 'unreadable']],
  ['a kind of which there is none', ['--kind', 'device'], []],
])('released by %s', async (_, choice, kinds) => {
  const { code, output } = await call(release, [...choice, '--by', 'awa', '--json'], world)
  expect(code).toBe(0)
  expect(JSON.parse(output).released.map(({ kind }: { kind: string }) => kind)).toEqual(kinds)
})

test('answers and mandates of holders that are parked are released by their kinds', async () => {
  const device = await world.device()
  const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
  const about = { deviceId: device.id, factsRev: 1 }
  const messages: readonly SettleMessage[] = [
    { ...about, kind: 'claim_answer', rev: 1, answer: randomBytes(30) },
    { ...about, kind: 'mandate', rev: 2, mandate: randomBytes(30), atMs: world.now },
  ]
  world.network.send(...messages.map((message) => sealSettleMessage(message, async () => keys)))
  await world.settle()
  for (const [kind, fault] of [
    ['claim_answer', 'malformed_answer'],
    ['mandate', 'malformed_mandate'],
  ] as const) {
    const { code, output } = await call(release, ['--kind', kind, '--by', 'awa', '--json'], world)
    expect([code, JSON.parse(output).released]).toMatchObject([0, [{ kind, device_id: device.id, fault }]])
  }
})

test('every kind that the inbox takes can be released by its name', async () => {
  const { rows } = await db().app.query<{ rule: string }>(
    "SELECT pg_get_constraintdef(oid) AS rule FROM pg_constraint WHERE conname = 'offline_sync_queue_kind_check'",
  )
  const kinds = [...(rows[0]?.rule ?? '').matchAll(/'(\w+)'/g)].flatMap(([, kind]) => kind ?? [])
  expect(kinds).toContain('unreadable')
  for (const kind of kinds) {
    const { code, output } = await call(release, ['--kind', kind, '--by', 'awa'], world)
    expect([kind, code, output]).toEqual([kind, 0, expect.stringContaining(' released')])
    expect(release.help).toContain(kind)
  }
})

test('a message that is not parked is not released, and the command says so', async () => {
  const { rows } = await db().app.query("SELECT id FROM offline_sync_queue WHERE status = 'done' LIMIT 1")
  const { code, output } = await call(release, ['--id', String(rows[0].id), '--by', 'awa'], world)
  expect([code, output]).toEqual([1, '0 released'])
  expect(await stateOf(rows[0].id)).toMatchObject({ status: 'done' })
})

test.each([
  [['--all']],
  [['--by', 'awa']],
  [['--all', '--kind', 'bundle', '--by', 'awa']],
  [['--kind', 'parcel', '--by', 'awa']],
  [['--id', 'one', '--by', 'awa']],
  [['--all', '--by', 'a b']],
])('%j is not a call', async (args) => {
  expect((await call(release, args, world)).code).toBe(2)
  expect(await stateOf(ids.bundle)).toMatchObject({ status: 'parked' })
})
