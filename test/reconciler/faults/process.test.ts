import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { promisify } from 'node:util'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { expectSoundBook } from '../../migrations/ledger/book.ts'
import { useDatabase } from '../database.ts'
import { EVENTUALLY, makeLiveWorld, newWallet, type World } from '../kit.ts'
import { serve } from '../network.ts'

const db = useDatabase()
let world: World
let env: Record<string, string>
let served: Awaited<ReturnType<typeof serve>>
beforeAll(async () => {
  world = await makeLiveWorld(db())
  served = await serve(world.network)
  env = {
    ...world.env,
    QUEUE_API_URL: `${served.url}/client/v4`,
    EDGE_URL: served.url,
    QUEUE_POLL_MS: '20',
    MIGRATION_DATABASE_URL: db().ownerUrl,
    LOG_LEVEL: 'info',
  }
})
afterAll(async () => {
  await world.close()
  await served.close()
})

const main = ['reconciler/main.ts']
const cli = (args: string[], over: object = {}) =>
  promisify(execFile)(process.execPath, [...main, ...args], { env: { ...env, ...over } })
const run = () => spawn(process.execPath, [...main, 'run'], { env, stdio: ['ignore', 'pipe', 'inherit'] })
const exit = (child: ChildProcess) =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise<number | null>((resolve) => child.once('exit', resolve))

async function trade(payer: string, payments: number) {
  const device = await world.device()
  const made = Array.from({ length: payments }, () => device.payment({ sender: payer }))
  world.network.send(await world.admit(device, made), world.facts(device))
}
const backlogEmpty = async () => {
  const { rows } = await db().app.query(
    `SELECT (SELECT count(*) FROM offline_sync_queue WHERE status <> 'done')
          + (SELECT count(*) FROM offline_outbox WHERE delivered_version < version) AS open`,
  )
  return rows[0].open === 0 && world.network.queued === 0
}

test('commands: migrate, once, and what is wrong with a call', async () => {
  expect((await cli(['migrate'])).stdout).toBe('nothing to migrate\n')
  const payer = newWallet()
  await db().open(payer, 10_000)
  await trade(payer, 2)
  // The device comes behind its bundle; a first run may leave the bundle in its pause.
  await expect
    .poll(async () => JSON.parse((await cli(['once', '--json'])).stdout.trim().split('\n').at(-1) ?? ''), EVENTUALLY)
    .toEqual({ pending: 0, waiting: 0, parked: 0, resolutions: 0, untold: 0 })
  expect(await db().balance(payer)).toBe(5000)
  await expect(cli([])).rejects.toMatchObject({ code: 2, stderr: expect.stringContaining('usage:') })
  await expect(cli(['run'], { EDGE_URL: '' })).rejects.toMatchObject({
    code: 2,
    stderr: 'configuration: EDGE_URL is not valid (invalid_format)\n',
  })
})

test('SIGTERM ends a running reconciler in order', async () => {
  const child = run()
  let output = ''
  child.stdout?.on('data', (chunk) => {
    output += chunk
  })
  await expect.poll(() => output, EVENTUALLY).toContain('reconciler running')
  child.kill('SIGTERM')
  expect(await exit(child)).toBe(0)
  expect(output).toContain('reconciler stopped')
})

test('one of two reconcilers killed at 20 random moments: exactly once, nothing lost', EVENTUALLY, async () => {
  const payer = newWallet()
  await db().open(payer, 100_000_000)
  const steady = run()
  let sent = 0
  for (let round = 0; round < 20; round++) {
    const doomed = run()
    // From its first word on, at a different moment of its work in each round.
    const killAfterMs = Math.random() * 500
    await new Promise((resolve) => doomed.stdout?.once('data', resolve))
    const killed = new Promise((resolve) => setTimeout(resolve, killAfterMs)).then(() => doomed.kill('SIGKILL'))
    for (let i = 0; i < 4; i++) {
      await trade(payer, 5)
      sent += 5
      await new Promise((resolve) => setTimeout(resolve, killAfterMs / 5))
    }
    await killed
    await exit(doomed)
    world.network.redeliver()
  }
  // Leases of those that were killed run out by themselves; the test does not wait that long.
  await db().owner.query("UPDATE offline_sync_queue SET next_retry_at = now() WHERE status = 'pending'")
  await db().owner.query('UPDATE offline_outbox SET next_attempt_at = now() WHERE delivered_version < version')
  await expect.poll(backlogEmpty, { ...EVENTUALLY, interval: 200 }).toBe(true)
  steady.kill('SIGTERM')
  expect(await exit(steady)).toBe(0)
  expect(await db().balance(payer)).toBe(100_000_000 - sent * 2500)
  await expectSoundBook(db().app)
})
