import { afterAll, beforeAll, expect, test } from 'vitest'
import { resume } from '../../../reconciler/commands/resume.ts'
import { status } from '../../../reconciler/commands/status.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { call } from '../../reconciler/commands/kit.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { makeWorld, newWallet, type World } from '../../reconciler/kit.ts'
import { useOperators } from '../../reconciler/operators.ts'
import { once } from './planted.ts'

const db = useDatabase()
const people = useOperators(db, { anna: 'IN ROLE molam_operator', bo: 'IN ROLE molam_operator' })
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

const halt = async () => {
  const [row] = (await once(db().logins.read, "SELECT halt_settlement('a test found it wrong') AS halt")) as {
    halt: string
  }[]
  return Number(row?.halt)
}
const say = (person: 'anna' | 'bo', halt: number) =>
  call(resume, ['--halt', String(halt), '--reason', 'looked', '--json'], world, {
    OPERATOR_DATABASE_URL: people()[person].url,
  })
const told = (deviceId: string) =>
  world.network.confirmed.filter((one) => one.deviceId === deviceId).map(({ kind }) => kind)

test('while settlement is halted everything is recorded and confirmed, nothing is posted, and two people let it go on', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const no = await halt()
  world.network.send(world.facts(device), await world.admit(device, [device.payment({ sender: payer })]))
  for (let i = 0; i < 12; i++) await world.settle()
  expect(await db().balance(payer)).toBe(10_000)
  expect(world.network.queued).toBe(0)
  expect(new Set(told(device.id))).toEqual(new Set(['device_recorded', 'bundle_recorded']))
  const { rows } = await db().app.query('SELECT count(*) AS n FROM offline_signed_bundles WHERE device_id = $1', [
    device.id,
  ])
  expect(rows).toEqual([{ n: 1 }])
  // It waits and has not failed: nobody has to release it.
  expect(await (await world.reconciler()).backlog()).toMatchObject({ pending: 1, waiting: 1, parked: 0 })

  const shown = await call(status, [], world)
  expect(shown.code).toBe(1)
  expect(shown.output).toContain(`halt ${no}`)
  expect(shown.output).toContain('a test found it wrong')

  expect(await say('anna', no)).toMatchObject({ code: 1, output: JSON.stringify({ halt: no, resumed: false }) })
  expect((await say('anna', no)).code).toBe(1)
  await world.settle()
  expect(await db().balance(payer)).toBe(10_000)
  expect((await say('bo', no)).code).toBe(0)
  await world.settle()
  expect(await db().balance(payer)).toBe(7500)
  expect(told(device.id)).toContain('bundle_settled')
  expect((await call(status, [], world)).code).toBe(0)
  await expectSoundBook(db().app)
})

test('a resolution of people waits for settlement too, and is carried out once it goes on', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const entries = [device.payment({ sender: payer })]
  const made = await device.bundle(entries, world.keySet)
  world.network.send(world.facts(device), await world.admitMade(made, entries))
  await world.settle()
  const no = await halt()
  world.network.send(await world.reversal(made, 1, 1))
  await world.settle()
  expect(await db().balance(payer)).toBe(7500)
  const { rows } = await db().app.query('SELECT result, attempts FROM offline_resolutions WHERE device_id = $1', [
    device.id,
  ])
  expect(rows).toEqual([{ result: null, attempts: 0 }])
  for (const person of ['anna', 'bo'] as const) await say(person, no)
  await world.settle()
  expect(await db().balance(payer)).toBe(10_000)
})

test('what is wrong, who stopped and who let it go on are in the audit chain; one halt stands at a time', async () => {
  const { anna, bo } = people()
  const first = await halt()
  expect(await halt()).toBe(first)
  for (const person of ['anna', 'bo'] as const) await say(person, first)
  const { rows } = await db().app.query(
    `SELECT actor, action FROM offline_audit_logs WHERE stream = 'settlement' AND (detail ->> 'halt')::bigint = $1 ORDER BY seq`,
    [first],
  )
  expect(rows.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
    'read settlement_halted',
    'read settlement_halted',
    `operator:${anna.name} settlement_resume_said`,
    `operator:${bo.name} settlement_resume_said`,
    `operator:${bo.name} settlement_resumed`,
  ])
  expect((await db().app.query('SELECT * FROM offline_audit_breaks')).rows).toEqual([])
  await expect(say('anna', first)).rejects.toThrow('there is no such halt, or it has ended')
})
