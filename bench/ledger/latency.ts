import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { registerDevice } from '../../dev/fleet/admin.ts'
import { type DevSecrets, newSecrets } from '../../dev/secrets.ts'
import { type Stack, startStack } from '../../dev/stack.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { BUNDLE_MEDIA_TYPE } from '../../src/protocol/bundle.ts'
import { type Device, makeDevices, makePushes, PAYMENTS_PER_BUNDLE, type Push } from '../edge/fleet.ts'
import { writeRoomyPolicies } from '../edge/policy.ts'
import { percentile } from '../edge/stats.ts'
import type { Row } from './figures.ts'
import type { Options } from './options.ts'

/**
 * From the moment a push was due until its payments are committed in the ledger, at a steady pace through the whole
 * stack: workerd, queue, reconciler process, Postgres. The end is the commit's own time stamp.
 */
const WARM_UP_SECONDS = 3
/** Of one device, measured: more of them in a minute would be held back as too fast, which is not what is measured. */
const PUSHES_PER_DEVICE = 2

export async function pushToPosted(options: Options): Promise<Row> {
  const dir = await mkdtemp(join(tmpdir(), 'molam-bench-stack-'))
  // Another user may run Postgres, and must be able to enter.
  await chmod(dir, 0o755)
  const secrets = await newSecrets()
  const stack = await startStack({
    dataDir: dir,
    secrets,
    postgresSettings: { track_commit_timestamp: 'on', shared_buffers: '512MB' },
  })
  const owner = new pg.Client(stack.database.owner)
  try {
    const devices = await makeDevices((options.pushesPerSecond * options.pushSeconds) / PUSHES_PER_DEVICE, 'BENCH')
    await owner.connect()
    await prepare(stack, secrets, owner, devices)
    const keys = await localKeys(secrets.EDGE_KEYS, secrets.KEY_WRAPPING_SECRET)
    const sealKey = (await keys.keySet()).keys.find(({ use }) => use === 'seal')
    if (sealKey === undefined) throw new Error('no seal key')
    const { pushesPerSecond } = options
    const warmUp = await makePushes(devices, pushesPerSecond * WARM_UP_SECONDS, sealKey)
    const measured = await makePushes(devices, pushesPerSecond * options.pushSeconds, sealKey)
    await paced(stack, warmUp, pushesPerSecond)
    const { dueAt, answeredMs } = await paced(stack, measured, pushesPerSecond)
    const postedAt = await commitTimes(owner, measured)
    const latencies = measured.map(
      ({ bundleId }) => (postedAt.get(bundleId) ?? Number.NaN) - (dueAt.get(bundleId) ?? 0),
    )
    const [p50, p99] = [percentile(latencies, 0.5), percentile(latencies, 0.99)]
    return {
      figure: 'push → posted, whole stack',
      target: 'p50 ≤ 100 ms, p99 ≤ 250 ms',
      value: `p50 ${Math.round(p50)} ms, p99 ${Math.round(p99)} ms`,
      met: p50 <= 100 && p99 <= 250,
      beside: `${measured.length} pushes of ${PAYMENTS_PER_BUNDLE}, ${pushesPerSecond}/s, one reconciler; the receipt alone p50 ${Math.round(percentile(answeredMs, 0.5))} ms, p99 ${Math.round(percentile(answeredMs, 0.99))} ms`,
      raw: { latencies: latencies.map(Math.round), answeredMs: answeredMs.map(Math.round) },
    }
  } finally {
    await owner.end()
    await stack.stop()
    await rm(dir, { recursive: true, force: true })
  }
}

async function prepare(stack: Stack, secrets: DevSecrets, owner: pg.Client, devices: readonly Device[]): Promise<void> {
  const d1 = await stack.edge.miniflare.getD1Database('DB', 'molam-offline')
  // The reconciler asks the edge for it, so that both judge by the same policy.
  await writeRoomyPolicies(d1, secrets)
  await owner.query(
    `SELECT wallet_core.open_account('W-SN-C' || to_char(n, 'FM000000'), 'XOF', 'customer', 'C' || n, 'molam')
     FROM generate_series(0, 399) n`,
  )
  await owner.query(
    `SELECT wallet_core.open_account(w, 'XOF', 'agent', 'holder:' || w, 'molam') FROM unnest($1::text[]) w`,
    [devices.map(({ ownerWallet }) => ownerWallet)],
  )
  await owner.query(
    `SELECT wallet_core.fund('bench', array_agg(no), array_agg(w), array_agg(1000000000), 'XOF', now())
     FROM unnest($1::text[]) WITH ORDINALITY AS x (w, no)`,
    [devices.map(({ ownerWallet }) => ownerWallet)],
  )
  const token = await stack.issuer.token('bench', ['pay_admin'])
  const second = await stack.issuer.token('bench-2', ['pay_admin'])
  for (const { id, ownerWallet, signer } of devices) {
    await registerDevice(stack.edge.url, token, { deviceId: id, country: 'SN', ownerWallet, signer }, second)
  }
}

/** Sends at a fixed pace, whatever the answers do; a push that waits for its turn has that in its latency. */
async function paced(stack: Stack, pushes: readonly Push[], perSecond: number) {
  const dueAt = new Map<string, number>()
  const answeredMs: number[] = []
  const startMs = Date.now()
  const under: Promise<void>[] = []
  for (const [i, push] of pushes.entries()) {
    const dueMs = startMs + (i * 1000) / perSecond
    const sleepMs = dueMs - Date.now()
    if (sleepMs > 0) await new Promise((resolve) => setTimeout(resolve, sleepMs))
    dueAt.set(push.bundleId, dueMs)
    under.push(
      send(stack, push).then(() => {
        answeredMs.push(Date.now() - dueMs)
      }),
    )
  }
  await Promise.all(under)
  return { dueAt, answeredMs }
}

async function send(stack: Stack, { request }: Push): Promise<void> {
  const body = request.subarray(Buffer.from(request).indexOf('\r\n\r\n') + 4)
  const answer = await fetch(`${stack.edge.url}/offline/push`, {
    method: 'POST',
    headers: { 'content-type': BUNDLE_MEDIA_TYPE, accept: 'application/cbor' },
    body: body as BodyInit,
  })
  await answer.arrayBuffer()
  if (!answer.ok) throw new Error(`a push was answered with ${answer.status}`)
}

/** Without another bundle posted. */
const DEADLINE_MS = 60_000

/** When each bundle's payments were committed, by the database's own record of it. */
async function commitTimes(owner: pg.Client, pushes: readonly Push[]): Promise<ReadonlyMap<string, number>> {
  const ids = pushes.map(({ bundleId }) => bundleId)
  for (let [endMs, seen] = [Date.now() + DEADLINE_MS, 0]; ; ) {
    const { rows } = await owner.query<{ bundle_id: string; at: number; posted: string }>(
      `SELECT p.bundle_id, extract(epoch FROM max(pg_xact_commit_timestamp(t.xmin)))::float8 * 1000 AS at,
              count(*) AS posted
       FROM offline_transactions p JOIN wallet_core.transfers t USING (transfer_id)
       WHERE p.bundle_id = ANY ($1) GROUP BY p.bundle_id`,
      [ids],
    )
    const whole = rows.filter(({ posted }) => Number(posted) === PAYMENTS_PER_BUNDLE)
    if (whole.length === ids.length) return new Map(whole.map(({ bundle_id, at }) => [bundle_id, at]))
    if (whole.length > seen) [endMs, seen] = [Date.now() + DEADLINE_MS, whole.length]
    if (Date.now() > endMs) {
      throw new Error(
        `${whole.length} of ${ids.length} bundles were posted in full; payments: ${await statuses(owner)}`,
      )
    }
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
}

/** How many payments came to what, and why: a rule that speaks where it should not shows by its name. */
async function statuses(owner: pg.Client): Promise<string> {
  const { rows } = await owner.query<{ line: string }>(
    `SELECT concat_ws(' ', count(*), status, reason) AS line FROM offline_transactions GROUP BY status, reason`,
  )
  return rows.map(({ line }) => line).join(', ')
}
