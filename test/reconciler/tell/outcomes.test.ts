import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { openLog } from '../../../reconciler/log.ts'
import { openEdge } from '../../../reconciler/tell/edge.ts'
import { announce } from '../../../reconciler/tell/outbox.ts'
import { sendOnce } from '../../../reconciler/tell/outcomes.ts'
import { importHmacKey } from '../../../src/crypto/hmac.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import type { TestDevice } from '../../kit/device.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
let payer: string
beforeAll(async () => {
  world = await makeWorld(db())
  payer = newWallet()
  await db().open(payer, 1_000_000)
  await world.phone(payer)
  await world.settle()
})
beforeEach(() => {
  world.network.fault = () => undefined
  world.network.answer = () => 'confirmed'
  world.network.answersLost = false
})
afterAll(() => world.close())

async function sendBundle(device: TestDevice): Promise<void> {
  world.network.send(await world.admit(device, [device.payment({ sender: payer })]))
}
async function registered(): Promise<TestDevice> {
  const device = await world.device()
  world.network.send(world.facts(device))
  await world.settle()
  return device
}
const told = (device: TestDevice) =>
  world.network.confirmed.filter((one) => one.deviceId === device.id && one.kind === 'bundle_settled')
const untold = async () => (await (await world.reconciler()).backlog()).untold

test.each([
  [
    'cannot be reached',
    () => {
      throw new TypeError('fetch failed')
    },
  ],
  ['answers 500', () => 500],
  ['answers 401', () => 401],
])('while the edge %s the book goes on, and the edge is told when it is back', async (_, fault) => {
  const device = await registered()
  world.network.fault = (path) => (path === '/internal/outcomes' ? fault() : undefined)
  await sendBundle(device)
  await world.settle()
  expect(told(device)).toEqual([])
  // The till of its payment, and the payer's phone of the debit.
  expect(await untold()).toBe(2)
  world.network.fault = () => undefined
  world.now += 600_000
  await world.settle()
  expect(told(device)).toHaveLength(1)
  expect(await untold()).toBe(0)
})

test('when the edge’s answer is lost the same is said again', async () => {
  const device = await registered()
  world.network.answersLost = true
  await sendBundle(device)
  await (await world.reconciler()).once()
  world.network.answersLost = false
  world.now += 600_000
  await world.settle()
  const [first, second] = told(device)
  expect(second).toEqual(first)
  expect(await untold()).toBe(0)
})

test('a device that the edge cannot reach does not hold up the others', async () => {
  const [stuck, fine] = [await registered(), await registered()]
  world.network.answer = (deviceId) => (deviceId === stuck.id ? 'retry' : 'confirmed')
  await sendBundle(stuck)
  await sendBundle(fine)
  await (await world.reconciler()).once()
  expect(told(fine)).toHaveLength(1)
  expect(told(stuck)).toHaveLength(0)
  const { rows } = await db().app.query('SELECT last_error FROM offline_outbox WHERE delivered_version < version')
  expect(rows).toEqual([{ last_error: 'retry' }])
  world.network.answer = () => 'confirmed'
  world.now += 600_000
  await world.settle()
  expect(told(stuck)).toHaveLength(1)
})

test('a device’s outcomes are told in the order of its bundles, also after an outage', async () => {
  const device = await registered()
  world.network.fault = (path) => (path === '/internal/outcomes' ? 503 : undefined)
  for (let i = 0; i < 5; i++) {
    await sendBundle(device)
    await (await world.reconciler()).once()
  }
  world.network.fault = () => undefined
  world.now += 600_000
  await world.settle()
  expect(told(device).map((one) => one.kind === 'bundle_settled' && one.seq)).toEqual([1, 2, 3, 4, 5])
})

test('a bundle that the edge sends again after it was told is confirmed again', async () => {
  const device = await registered()
  const message = await world.admit(device, [device.payment({ sender: payer })])
  world.network.send(message)
  await world.settle()
  world.network.confirmed.length = 0
  world.network.send(message, world.facts(device))
  await world.settle()
  expect(told(device)).toHaveLength(1)
  expect(world.network.confirmed).toContainEqual({
    kind: 'device_recorded',
    deviceId: device.id,
    rev: 1,
    wallet: 'known',
  })
})

test('a message is acknowledged only when it is in the inbox', async () => {
  const device = await registered()
  await sendBundle(device)
  await db().owner.query('REVOKE INSERT ON offline_sync_queue FROM molam_record')
  await expect((await world.reconciler()).once()).rejects.toThrow(/permission denied/)
  expect(world.network.queued).toBe(1)
  await db().owner.query('GRANT INSERT ON offline_sync_queue TO molam_record')
  world.network.redeliver()
  await world.settle()
  expect(world.network.queued).toBe(0)
  expect(told(device)).toHaveLength(1)
})

test('an acknowledgement that fails brings the message again, without effect', async () => {
  const device = await registered()
  await sendBundle(device)
  world.network.fault = (path) => (path.endsWith('/ack') ? 500 : undefined)
  await expect((await world.reconciler()).once()).rejects.toThrow()
  world.network.fault = () => undefined
  world.network.redeliver()
  const before = await db().balance(payer)
  await world.settle()
  expect(await db().balance(payer)).toBe(before - 2500)
  expect(world.network.queued).toBe(0)
})

/** What a world has to tell about resolutions: so many rows for each of these devices, in this order. */
async function owe(counts: Record<string, number>): Promise<void> {
  const client = await db().app.connect()
  try {
    for (const [deviceId, count] of Object.entries(counts)) {
      const rows = Array.from({ length: count }, (_, i) => ({ deviceId, resolutionRev: i + 1 }))
      await announce(client, rows, new Date(world.now))
    }
  } finally {
    client.release()
  }
}
function countCalls(answer: () => number | undefined = () => undefined): () => number {
  let calls = 0
  world.network.fault = (path) => {
    if (path !== '/internal/outcomes') return undefined
    calls += 1
    return answer()
  }
  return () => calls
}
const names = (count: number) => Array.from({ length: count }, (_, i) => `D-${String(i).padStart(3, '0')}`)

test('an edge that does not answer is asked a few times in a round, not once for each device that it owes an answer', async () => {
  await owe(Object.fromEntries(names(60).map((name) => [name, 1])))
  await db().owner.query('UPDATE offline_outbox SET attempts = 1 WHERE delivered_version < version')
  const calls = countCalls(() => 503)
  await (await world.reconciler()).once()
  expect(calls()).toBeLessThanOrEqual(8)
  // Those that nobody asked about have not failed.
  const { rows } = await db().app.query(
    'SELECT count(*) FILTER (WHERE attempts > 1) AS failed FROM offline_outbox WHERE delivered_version < version',
  )
  expect(rows[0].failed).toBeLessThanOrEqual(8)
  world.network.fault = () => undefined
  world.now += 600_000
  await world.settle()
  expect(await untold()).toBe(0)
})

test('one device whose news the edge refuses is no reason to end the round', async () => {
  const [refused, ...others] = names(30)
  await owe(Object.fromEntries([refused, ...others].map((name) => [name as string, 1])))
  await db().owner.query('UPDATE offline_outbox SET attempts = 1 WHERE delivered_version < version')
  let first = true
  countCalls(() => {
    const status = first ? 400 : undefined
    first = false
    return status
  })
  await (await world.reconciler()).once()
  expect(await untold()).toBe(1)
  world.network.fault = () => undefined
  world.now += 600_000
  await world.settle()
  expect(await untold()).toBe(0)
})

test('devices that did not fit into a call go with the next one, together', async () => {
  await owe({ busy: 490, ...Object.fromEntries(names(20).map((name) => [name, 1])) })
  const calls = countCalls()
  await (await world.reconciler()).once()
  expect(await untold()).toBe(0)
  expect(calls()).toBe(2)
})

test('a round that is to end sends nothing more, and what is left is due and has not failed', async () => {
  await owe(Object.fromEntries(names(5).map((name) => [name, 1])))
  const edge = openEdge(
    'http://edge.test',
    await importHmacKey(fromBase64url(world.env['INTERNAL_HMAC_KEY'] ?? '')),
    world.network.fetch,
    () => world.now,
  )
  const around = { clock: () => world.now, random: () => 0.5, log: openLog('silent') }
  const deps = { pool: db().app, edge, refused: async () => new Map(), wrongTries: async () => 0, ...around }
  const calls = countCalls()
  expect(await sendOnce(deps, () => false)).toBe(5)
  expect(calls()).toBe(0)
  await sendOnce(deps)
  expect(calls()).toBe(1)
  expect(await untold()).toBe(0)
})
