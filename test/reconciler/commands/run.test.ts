import { type ChildProcess, spawn } from 'node:child_process'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { amountMinor } from '../../../src/protocol/money.ts'
import { randomBytes } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../database.ts'
import { EVENTUALLY, makeLiveWorld, newWallet, type World } from '../kit.ts'
import { serve } from '../network.ts'

const db = useDatabase()
let world: World
let served: Awaited<ReturnType<typeof serve>>
let env: Record<string, string>
beforeAll(async () => {
  world = await makeLiveWorld(db())
  served = await serve(world.network)
  env = {
    ...world.env,
    QUEUE_API_URL: `${served.url}/client/v4`,
    EDGE_URL: served.url,
    QUEUE_POLL_MS: '20',
    METRICS_PORT: '0',
    LOG_LEVEL: 'debug',
  }
})
afterAll(async () => {
  await world.close()
  await served.close()
})

interface Running {
  readonly child: ChildProcess
  readonly exited: Promise<number | null>
  /** Everything that it said. */
  output(): string
  /** Once it has said that. */
  said(text: string): Promise<void>
  get(path: string): Promise<{ status: number; text: string }>
}

/** A reconciler as a process of its own, as in production. */
async function start(over: object = {}): Promise<Running> {
  const child = spawn(process.execPath, ['reconciler/main.ts', 'run'], {
    env: { ...env, ...over },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream?.on('data', (chunk) => {
      output += chunk
    })
  }
  const port = () => /"port":(\d+)/.exec(output)?.[1]
  const said = (text: string) => expect.poll(() => output, EVENTUALLY).toContain(text)
  await expect.poll(port, EVENTUALLY).toBeDefined()
  return {
    child,
    exited: new Promise((resolve) => child.once('exit', resolve)),
    output: () => output,
    said,
    async get(path) {
      const answer = await fetch(`http://127.0.0.1:${port()}${path}`)
      return { status: answer.status, text: await answer.text() }
    },
  }
}

const value = (metrics: string, name: string) =>
  Number(
    metrics
      .split('\n')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1),
  )

test('metrics, health and readiness tell what it does', async () => {
  const [device, late, payer] = [await world.device(), await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const payments = [2500, 2500, 9000].map((amount) => device.payment({ sender: payer, amount: amountMinor(amount) }))
  world.network.send(world.facts(device), await world.admit(device, payments), randomBytes(30))
  world.network.send(await world.admit(late, [late.payment({ sender: payer })]))
  const running = await start()
  const metrics = async () => (await running.get('/metrics')).text
  await expect.poll(async () => value(await metrics(), 'offline_inbox_waiting'), EVENTUALLY).toBe(1)
  const told = () => world.network.outcomes(device.id).length
  await expect.poll(told, EVENTUALLY).toBeGreaterThanOrEqual(3)

  // Waiting is no attempt; while it is looked at again it counts as one.
  await expect.poll(async () => value(await metrics(), 'offline_inbox_attempts_max'), EVENTUALLY).toBe(0)
  await expect.poll(async () => value(await metrics(), 'offline_inbox_parked')).toBe(1)
  const text = await metrics()
  expect(value(text, 'offline_inbox_oldest_seconds')).toBeGreaterThan(0)
  expect(value(text, 'offline_database_up')).toBe(1)
  expect(value(text, 'offline_reconciliation_duration_seconds_count{loop="reconcile",result="done"}')).toBeGreaterThan(
    0,
  )
  // With that of the payer's phone.
  expect(value(text, 'offline_reconciliation_attempts_total{loop="pull"}')).toBe(5)
  expect(await running.get('/healthz')).toMatchObject({ status: 200 })
  await expect.poll(async () => (await running.get('/readyz')).status, EVENTUALLY).toBe(200)
  expect(await running.get('/elsewhere')).toMatchObject({ status: 404 })
  running.child.kill('SIGTERM')
  expect(await running.exited).toBe(0)
})

test('payments are counted by type and by what became of them, once however often they are delivered', async () => {
  const [device, phone] = [await world.device('agent'), await world.device('customer', 10_000)]
  const payer = phone.ownerWallet
  const sales = [2500, 2500, 9000].map((amount) => device.payment({ sender: payer, amount: amountMinor(amount) }))
  const cash = [1000, 500].map((amount) =>
    signedBy(phone, device.payment({ type: 'cashout', sender: payer, amount: amountMinor(amount) })),
  )
  const payments = [...sales, ...(await Promise.all(cash))]
  const [held, refused] = [payments[3]?.counter ?? 0, payments[4]?.counter ?? 0]
  const exceptions = [
    { counter: held, decision: 'review', reason: 'amount_review' },
    { counter: refused, decision: 'refused', reason: 'limit_exceeded' },
  ] as const
  const made = await device.bundle(payments, world.keySet)
  const admit = () => world.admitMade(made, payments, { exceptions })
  const message = await admit()
  const decidedAtMs = world.now
  const review = () => world.review(made, 1, { [held]: 'approve' }, { decidedAtMs, actors: ['user:anna'] })
  const reversal = () => world.reversal(made, 2, payments[0]?.counter ?? 0, { decidedAtMs })
  const running = await start()
  const counted = async (labels: string) =>
    value((await running.get('/metrics')).text, `offline_payments_total{${labels}}`)

  // The same message again, and the same bundle under another receipt.
  world.network.send(world.facts(phone), world.facts(device), message, message, admit(), review())
  await expect.poll(() => counted('type="cashout",result="succeeded"'), EVENTUALLY).toBe(1)
  world.network.send(reversal())
  await expect.poll(() => counted('type="merchant",result="reversed"'), EVENTUALLY).toBe(1)
  world.network.send(message, admit(), review(), reversal(), world.facts(device))
  const handled = async () => {
    const { rows } = await db().app.query(
      `SELECT count(*) FILTER (WHERE status = 'done' AND kind = 'bundle') AS bundles,
              count(*) FILTER (WHERE status <> 'done') AS open FROM offline_sync_queue WHERE device_id = $1`,
      [device.id],
    )
    return { queued: world.network.queued, ...rows[0] }
  }
  await expect.poll(handled, EVENTUALLY).toEqual({ queued: 0, bundles: 3, open: 0 })

  const text = (await running.get('/metrics')).text
  const lines = text.split('\n').filter((line) => line.startsWith('offline_payments_total{'))
  expect(lines.sort()).toEqual([
    'offline_payments_total{type="cashout",result="refused"} 1',
    'offline_payments_total{type="cashout",result="review"} 1',
    'offline_payments_total{type="cashout",result="succeeded"} 1',
    'offline_payments_total{type="merchant",result="failed"} 1',
    'offline_payments_total{type="merchant",result="reversed"} 1',
    'offline_payments_total{type="merchant",result="succeeded"} 2',
  ])
  running.child.kill('SIGTERM')
  expect(await running.exited).toBe(0)
})

test('SIGTERM in the middle of a batch: it is finished, and every lease is given back', async () => {
  const [device, payer] = [await world.device(), newWallet()]
  await db().open(payer, 10_000)
  // It waits for the lock as long as the test does.
  const running = await start({ DATABASE_TIMEOUT_MS: '600000' })
  const holder = await db().owner.connect()
  await holder.query('BEGIN')
  await holder.query('SELECT FROM wallet_core.accounts WHERE wallet_id = $1 FOR UPDATE', [payer])
  world.network.send(world.facts(device), await world.admit(device, [device.payment({ sender: payer })]))
  const posting = async () => {
    const { rows } = await db().owner.query(
      `SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid)
       WHERE NOT l.granted AND a.datname = current_database()`,
    )
    return Number(rows[0].count)
  }
  await expect.poll(posting, EVENTUALLY).toBeGreaterThan(0)
  running.child.kill('SIGTERM')
  // It is told, and holds on to its batch as long as that takes.
  await running.said('reconciler stopping')
  await expect.poll(async () => (await running.get('/healthz')).status, EVENTUALLY).toBe(200)
  expect(await posting()).toBeGreaterThan(0)
  await holder.query('COMMIT')
  holder.release()
  expect(await running.exited).toBe(0)
  expect(await db().balance(payer)).toBe(7500)
  const { rows } = await db().app.query(
    `SELECT (SELECT count(*) FROM offline_sync_queue
             WHERE status = 'pending' AND attempts > 0 AND waiting_for IS NULL AND next_retry_at > now()) AS inbox,
            (SELECT count(*) FROM offline_outbox
             WHERE delivered_version < version AND attempts > 0 AND last_error IS NULL) AS outbox`,
  )
  expect(rows).toEqual([{ inbox: 0, outbox: 0 }])
  expect(world.network.queued).toBe(0)
  expect(running.output()).toContain('reconciler stopped')
})

test('an outage of what it needs makes it unready, not unhealthy', async () => {
  const running = await start()
  await expect.poll(async () => (await running.get('/readyz')).status, EVENTUALLY).toBe(200)
  await db().owner.query('ALTER TABLE offline_sync_queue RENAME TO away')
  await expect.poll(async () => (await running.get('/readyz')).status, EVENTUALLY).toBe(503)
  expect((await running.get('/healthz')).status).toBe(200)
  expect(value((await running.get('/metrics')).text, 'offline_database_up')).toBe(0)
  await db().owner.query('ALTER TABLE away RENAME TO offline_sync_queue')
  await expect.poll(async () => (await running.get('/readyz')).status, EVENTUALLY).toBe(200)
  running.child.kill('SIGTERM')
  expect(await running.exited).toBe(0)
})

test('whatever happens, no wallet is ever in the logs or the metrics', async () => {
  const [device, other, payer] = [await world.device(), await world.device(), newWallet()]
  await db().open(payer, 10_000)
  const payment = device.payment({ sender: payer, amount: amountMinor(98_765_431) })
  const running = await start()
  world.network.send(
    world.facts(device),
    // Posted, without funds, to a wallet that does not exist, of a device that is not known, unreadable, contradicting.
    await world.admit(device, [payment, device.payment({ sender: payer, amount: amountMinor(87_654_321) })]),
    await world.admit(device, [device.payment({ sender: payer, receiver: `${payer}-missing` })]),
    await world.admit(other, [other.payment({ sender: payer })]),
    new Uint8Array(Buffer.from(`${payer} ${device.ownerWallet}`)),
    world.facts(device, { ownerWallet: `${payer}-thief` }),
  )
  // And a database that complains about a row, which it quotes in its answer.
  await db().owner.query(
    `ALTER TABLE offline_transactions ADD CONSTRAINT no_such CHECK (sender <> '${payer}') NOT VALID`,
  )
  await running.said('no_such')
  await db().owner.query('ALTER TABLE offline_transactions DROP CONSTRAINT no_such')
  world.network.answer = () => 'retry'
  const parked = async () => {
    const { rows } = await db().app.query(
      "SELECT count(*) FROM offline_sync_queue WHERE status = 'parked' AND device_id = $1",
      [device.id],
    )
    return rows[0].count
  }
  await expect.poll(parked, EVENTUALLY).toBe(1)
  const metrics = (await running.get('/metrics')).text
  running.child.kill('SIGTERM')
  expect(await running.exited).toBe(0)
  const output = running.output()
  expect(output).toContain('message parked')
  for (const said of [output, metrics]) {
    for (const secret of [payer, device.ownerWallet, other.ownerWallet, '98765431', '87654321'])
      expect(said).not.toContain(secret)
  }
})
