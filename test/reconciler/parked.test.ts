import { createHash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { release } from '../../reconciler/commands/release.ts'
import { status } from '../../reconciler/commands/status.ts'
import { verify } from '../../reconciler/commands/verify.ts'
import { letParkedGo } from '../../reconciler/parked.ts'
import type { SettleMessage } from '../../src/protocol/messages.ts'
import { encodeSettleMessage, parseSettleMessage } from '../../src/protocol/settle-codec.ts'
import { randomBytes } from '../kit/device.ts'
import { call } from './commands/kit.ts'
import { useDatabase } from './database.ts'
import { makeWorld, newWallet, type World } from './kit.ts'

/** Parked messages keep their bytes for 30 days, in which a person may release them; then a digest stays. */
const db = useDatabase()
let world: World
let parked: readonly { readonly id: number; readonly kind: string; readonly body: Buffer }[]
let message: Uint8Array

beforeAll(async () => {
  world = await makeWorld(db())
  const payer = newWallet()
  await db().open(payer, 10_000)
  const device = await world.device()
  const admitted = await world.admit(device, [device.payment({ sender: payer })])
  const parsed = parseSettleMessage(admitted) as Extract<SettleMessage, { kind: 'bundle' }>
  message = encodeSettleMessage({ ...parsed, receipt: randomBytes(80) })
  world.network.send(world.facts(device), message, randomBytes(30))
  await world.settle()
  parked = (await db().app.query("SELECT id, kind, body FROM offline_sync_queue WHERE status = 'parked' ORDER BY id"))
    .rows
})
afterAll(() => world.close())

const letGo = () => letParkedGo(db().app, world.now)
const age = (days: number) =>
  db().owner.query("UPDATE offline_sync_queue SET parked_at = now() - $1 * interval '1 day' WHERE status = 'parked'", [
    days,
  ])
const rows = async () =>
  (
    await db().app.query(
      `SELECT kind, status, body, encode(digest, 'hex') AS digest, last_error IS NOT NULL AS "hasFault", received_at
       FROM offline_sync_queue WHERE id = ANY ($1) ORDER BY id`,
      [parked.map(({ id }) => id)],
    )
  ).rows

test('within the 30 days nothing goes, whatever the caller’s clock says, and a person may release it', async () => {
  await age(29)
  world.now += 365 * 24 * 3_600_000
  expect(await letGo()).toBe(0)
  world.now -= 365 * 24 * 3_600_000
  expect(await rows()).toMatchObject(parked.map(({ kind, body }) => ({ kind, status: 'parked', body, digest: null })))
  const [bundle] = parked.filter(({ kind }) => kind === 'bundle')
  expect((await call(release, ['--id', `${bundle?.id}`, '--by', 'awa'], world)).code).toBe(0)
  await world.settle()
  expect(
    (await rows()).map((row) => row.status),
    'for the same reason',
  ).toEqual(['parked', 'parked'])
})

test('the application lets go of nothing by itself', async () => {
  for (const set of ["status = 'let_go'", 'body = NULL', "digest = '\\x00'"])
    await expect(db().app.query(`UPDATE offline_sync_queue SET ${set} WHERE status = 'parked'`)).rejects.toThrow(
      /violates check constraint|permission denied/,
    )
})

test('after them digest, kind, fault and times stay, with a record each, and nobody releases it', async () => {
  await age(31)
  expect(await letGo()).toBe(2)
  expect(await letGo()).toBe(0)
  const digests = parked.map(({ body }) => createHash('sha256').update(body).digest('hex'))
  expect(await rows()).toMatchObject(
    parked.map(({ kind }, n) => ({ kind, status: 'let_go', body: null, digest: digests[n], hasFault: true })),
  )
  const audit = await db().app.query(
    "SELECT detail->>'digest' AS digest, detail->>'fault' AS fault FROM offline_audit_logs WHERE action = 'inbox_let_go'",
  )
  expect(audit.rows.map(({ digest }) => digest).sort()).toEqual(digests.toSorted())
  expect(audit.rows.every(({ fault }) => typeof fault === 'string')).toBe(true)
  expect((await call(release, ['--all', '--by', 'awa', '--json'], world)).output).toContain('"released":[]')
  const said = await call(status, ['--json'], world)
  expect([said.code, JSON.parse(said.output)]).toMatchObject([0, { parked: 0, letGo: 2, parkedMessages: [] }])
  expect((await call(verify, [], world)).output).toContain('the book is sound')
})

test('what its sender still owes comes again, and has its time anew', async () => {
  world.network.send(message)
  await world.settle()
  const again = await db().app.query(
    "SELECT id, body FROM offline_sync_queue WHERE status = 'parked' AND kind = 'bundle'",
  )
  expect(again.rows).toMatchObject([{ body: parked.find(({ kind }) => kind === 'bundle')?.body }])
  expect(await letGo()).toBe(0)
})
