import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { parseConfig } from '../../../reconciler/config.ts'
import { openReconciler, type Reconciler } from '../../../reconciler/run.ts'
import type { TestDevice } from '../../kit/device.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { useDatabase } from '../database.ts'
import { keepingLog } from '../faults/kit.ts'
import { EVENTUALLY, makeWorld, newWallet, type World } from '../kit.ts'

/** The edge signs a receipt anew each time it sends it: the same bundle comes as two messages, under two keys. */
const db = useDatabase()
let world: World
const log = keepingLog()
const workers: Reconciler[] = []
beforeAll(async () => {
  world = await makeWorld(db())
  const around = { fetch: world.network.fetch, clock: () => world.now, random: () => 0.5, log }
  for (let i = 0; i < 2; i++) workers.push(await openReconciler(parseConfig(world.env), around))
})
afterAll(async () => {
  await Promise.all(workers.map((worker) => worker.close()))
  await world.close()
})
afterEach(() => expectSoundBook(db().app))

async function sentTwice(): Promise<{ device: TestDevice; payer: string; messages: readonly Uint8Array[] }> {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 100_000)
  const payments = Array.from({ length: 3 }, () => device.payment({ sender: payer }))
  const made = await device.bundle(payments, world.keySet)
  const messages = [await world.admitMade(made, payments), await world.admitMade(made, payments)]
  world.network.send(world.facts(device))
  await workers[0]?.once()
  return { device, payer, messages }
}

async function expectPostedOnce(device: TestDevice, payer: string): Promise<void> {
  expect(await db().balance(payer)).toBe(100_000 - 3 * 2500)
  const { rows } = await db().app.query(
    `SELECT (SELECT count(*) FROM offline_sync_queue WHERE device_id = $1 AND kind = 'bundle' AND status = 'done') AS messages,
            (SELECT count(*) FROM offline_tx_bundles WHERE device_id = $1) AS bundles,
            (SELECT count(*) FROM offline_tx_copies WHERE device_id = $1) AS copies,
            (SELECT count(*) FROM wallet_core.transfers WHERE source_id = $1) AS transfers,
            (SELECT count(*) FROM offline_audit_logs WHERE device_id = $1 AND action = 'bundle_settled') AS records`,
    [device.id],
  )
  expect(rows).toEqual([{ messages: 2, bundles: 1, copies: 0, transfers: 3, records: 1 }])
  // No batch had to be taken apart for it.
  expect(log.complaints).toEqual([])
}

test('in one batch: posted once, and both messages are done', async () => {
  const { device, payer, messages } = await sentTwice()
  world.network.send(...messages)
  await workers[0]?.once()
  await expectPostedOnce(device, payer)
})

test('one after the other: the second changes nothing', async () => {
  const { device, payer, messages } = await sentTwice()
  for (const message of messages) {
    world.network.send(message)
    await workers[0]?.once()
  }
  await expectPostedOnce(device, payer)
})

test('two reconcilers that each took one of them, at the same moment: posted once', async () => {
  const { device, payer, messages } = await sentTwice()
  // Both wait at the device, so that neither has seen the other's work when it starts to post.
  const holder = await db().owner.connect()
  await holder.query('BEGIN')
  await holder.query('SELECT FROM offline_devices WHERE device_id = $1 FOR UPDATE', [device.id])
  const waiting = async () => {
    const { rows } = await db().owner.query(
      `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
       WHERE NOT l.granted AND a.datname = current_database()`,
    )
    return Number(rows[0].count)
  }
  const running: Promise<unknown>[] = []
  for (const [i, message] of messages.entries()) {
    world.network.send(message)
    running.push(workers[i]?.once() ?? Promise.reject(new Error('no worker')))
    await expect.poll(waiting, EVENTUALLY).toBe(i + 1)
  }
  await holder.query('COMMIT')
  holder.release()
  await Promise.all(running)
  await expectPostedOnce(device, payer)
})
