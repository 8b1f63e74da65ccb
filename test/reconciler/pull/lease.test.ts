import { afterAll, beforeAll, expect, test } from 'vitest'
import { openLog } from '../../../reconciler/log.ts'
import { pullOnce } from '../../../reconciler/pull/pull.ts'
import { openQueue } from '../../../reconciler/pull/queue.ts'
import { policyReader } from '../../../reconciler/registry/policies.ts'
import { reconcileOnce } from '../../../reconciler/settle/reconcile.ts'
import { openRiskScorer } from '../../../reconciler/settle/risk.ts'
import { openEdge } from '../../../reconciler/tell/edge.ts'
import { announce, claimHeads, markDelivered, readUndelivered } from '../../../reconciler/tell/outbox.ts'
import { importHmacKey } from '../../../src/crypto/hmac.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { trustedReceiptKeys } from '../../../src/crypto/receipt-keys.ts'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { useDatabase } from '../database.ts'
import { codesOf, makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
beforeAll(async () => {
  world = await makeWorld(db())
})
afterAll(() => world.close())

/** The parts of a reconciler, so that one of them can be held in the middle. */
async function parts() {
  const keys = await localKeys(world.env['EDGE_KEYS'] ?? '', world.env['KEY_WRAPPING_SECRET'] ?? '')
  const trusted = await trustedReceiptKeys(keys)
  const common = { pool: db().app, clock: () => world.now, random: () => 0.5, log: openLog('silent') }
  const config = { apiUrl: world.env['QUEUE_API_URL'] ?? '', accountId: 'account', id: 'settle', token: 'token' }
  const queue = openQueue(config, world.network.fetch)
  const edge = openEdge('http://edge.test', await importHmacKey(new Uint8Array(32)), world.network.fetch, common.clock)
  const risk = await openRiskScorer({ kind: 'fixed', score: 0 }, { ...common, fetch: world.network.fetch })
  const policies = policyReader({ ...common, trusted, edge })
  return {
    pull: { ...common, queue, trusted },
    reconcile: {
      ...common,
      settle: db().app,
      keys,
      trusted,
      codes: await codesOf(world),
      sendsCodes: false,
      risk,
      policies,
      settled: () => undefined,
      alarm: () => undefined,
    },
  }
}

test('a worker whose lease ran out finds its bundle done by another, and does nothing', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const { pull, reconcile } = await parts()
  world.network.send(world.facts(device))
  await world.phone(payer)
  await pullOnce(pull)
  await reconcileOnce(reconcile)
  world.network.send(await world.admit(device, [device.payment({ sender: payer })]))
  await pullOnce(pull)

  let reached = () => {}
  let goOn = () => {}
  const atKeys = new Promise<void>((resolve) => {
    reached = resolve
  })
  const held = new Promise<void>((resolve) => {
    goOn = resolve
  })
  const slowKeys: typeof reconcile.keys = {
    ...reconcile.keys,
    async recipient(kid) {
      reached()
      await held
      return reconcile.keys.recipient(kid)
    },
  }
  const slow = reconcileOnce({ ...reconcile, keys: slowKeys })
  await atKeys
  expect(await reconcileOnce(reconcile)).toBe(0)
  // Also a clock that jumps makes the lease run out.
  world.now += 61_000
  expect(await reconcileOnce(reconcile)).toBe(1)
  const state = async () =>
    (
      await db().app.query(
        'SELECT status, done_at, version FROM offline_sync_queue JOIN offline_outbox USING (device_id) WHERE device_id = $1 ORDER BY 1, 2, 3',
        [device.id],
      )
    ).rows
  const before = await state()
  world.now += 1
  goOn()
  expect(await slow).toBe(1)
  expect(await state()).toEqual(before)
  expect(await db().balance(payer)).toBe(7500)
  await expectSoundBook(db().app)
})

test('what changes while the edge is being told is told again', async () => {
  const [device, at] = [await world.device(), new Date(world.now)]
  world.network.send(world.facts(device))
  await world.settle()
  const client = await db().app.connect()
  try {
    await announce(client, [{ deviceId: device.id }], at)
    expect(await claimHeads(db().app, 10, world.now)).toMatchObject([{ deviceId: device.id }])
    const rows = await readUndelivered(db().app, [device.id], 10)
    await announce(client, [{ deviceId: device.id }], at)
    // Under way: nobody else takes it meanwhile.
    expect(await claimHeads(db().app, 10, world.now)).toEqual([])
    await markDelivered(db().app, rows, at)
    expect(await claimHeads(db().app, 10, world.now)).toMatchObject([{ deviceId: device.id, attempts: 1 }])
  } finally {
    client.release()
  }
})
