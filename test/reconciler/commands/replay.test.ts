import { afterAll, beforeAll, expect, test } from 'vitest'
import { replay } from '../../../reconciler/commands/replay.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'
import { call, tamper } from './kit.ts'

const db = useDatabase()
let world: World
let payer: string
beforeAll(async () => {
  world = await makeWorld(db())
  payer = newWallet()
  await db().open(payer, 1_000_000)
})
afterAll(() => world.close())

async function settledBundle() {
  const device = await world.device()
  const payments = [device.payment({ sender: payer }), device.payment({ sender: payer })]
  const made = await device.bundle(payments, world.keySet)
  world.network.send(world.facts(device), await world.admitMade(made, payments))
  await world.settle()
  return { device, args: [device.id, ulidText(made.header.bundleId), '--by', 'awa', '--json'] }
}

test('a settled bundle goes through every step again and nothing changes', async () => {
  const { device, args } = await settledBundle()
  const balance = await db().balance(payer)
  for (let i = 0; i < 3; i++) {
    const { code, output } = await call(replay, args, world)
    expect(JSON.parse(output)).toMatchObject({ replayed: true, same: true, fault: null })
    expect(code).toBe(0)
  }
  expect(await db().balance(payer)).toBe(balance)
  const { rows } = await db().app.query('SELECT count(*) FROM wallet_core.transfers WHERE source_id = $1', [device.id])
  expect(rows).toEqual([{ count: 2 }])
  const { rows: audit } = await db().app.query(
    "SELECT count(*) FROM offline_audit_logs WHERE device_id = $1 AND action = 'bundle_replayed' AND actor = 'operator:awa'",
    [device.id],
  )
  expect(audit).toEqual([{ count: 3 }])
  await expectSoundBook(db().app)
})

test('while reconcilers run, whoever takes it', async () => {
  const { args } = await settledBundle()
  const stop = new AbortController()
  const running = (await world.reconciler()).run(stop.signal)
  const ticking = setInterval(() => {
    world.now += 100
  }, 10)
  expect((await call(replay, args, world)).code).toBe(0)
  clearInterval(ticking)
  stop.abort()
  await running
})

test('stored bytes that were changed do not get through', async () => {
  const { device, args } = await settledBundle()
  await tamper(
    db().ownerUrl,
    `UPDATE offline_signed_bundles SET bundle = set_byte(bundle, length(bundle) - 1, 255 - get_byte(bundle, length(bundle) - 1))
     WHERE device_id = '${device.id}'`,
  )
  const { code, output } = await call(replay, args, world)
  expect(code).toBe(1)
  expect(JSON.parse(output)).toMatchObject({ replayed: false, fault: 'invalid_signature' })
})

test('a bundle that is not recorded cannot be replayed', async () => {
  const { code, output } = await call(replay, ['POS-NONE', '01JD0000000000000000000000', '--by', 'awa'], world)
  expect([code, output]).toEqual([1, 'no such bundle'])
  expect((await call(replay, ['POS-NONE', '--by', 'awa'], world)).code).toBe(2)
  expect((await call(replay, ['POS-NONE', '01JD0000000000000000000000'], world)).code).toBe(2)
})
