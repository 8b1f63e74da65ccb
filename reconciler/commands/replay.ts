import { parseArgs } from 'node:util'
import type pg from 'pg'
import { deviceId as asDeviceId, type DeviceId } from '../../src/protocol/ids.ts'
import { encodeSettleMessage } from '../../src/protocol/settle-codec.ts'
import { parseConfig } from '../config.ts'
import { transact } from '../db.ts'
import { openLog } from '../log.ts'
import { receive } from '../pull/inbox.ts'
import { openReconciler } from '../run.ts'
import { type Command, InvalidCall, operator, type Terminal, withPool } from './command.ts'

export const replay: Command = {
  summary: 'send a settled bundle through the pipeline again, and prove that nothing changed',
  help: `usage: replay <device_id> <bundle_id> --by <name> [--json]

The bundle's stored bytes go into the inbox as a message of their own and through every step: signatures, opening,
judging, posting. A payment that is in the book is not posted again. Exit 1 when anything of the bundle changed.
Settings as for \`run\`.`,

  async run(args, terminal) {
    const { values, positionals } = parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { by: { type: 'string' }, json: { type: 'boolean', default: false } },
    })
    const [deviceId, bundleId] = positionals
    if (deviceId === undefined || bundleId === undefined || positionals.length > 2) {
      throw new InvalidCall('a device id and a bundle id')
    }
    const by = operator(values.by)
    const config = parseConfig(terminal.env)
    const around = {
      fetch: terminal.fetch,
      clock: terminal.clock,
      random: terminal.random,
      log: openLog(config.logLevel),
    }
    const reconciler = await openReconciler(config, around)
    try {
      return await withPool(config.logins.record, async (pool) => {
        const before = await stateOf(pool, deviceId, bundleId)
        const inboxId = await enqueue(pool, deviceId, bundleId, by, terminal.clock())
        if (inboxId === undefined) {
          terminal.print(values.json ? JSON.stringify({ replayed: false, fault: 'not_recorded' }) : 'no such bundle')
          return 1
        }
        const inbox = await settled(pool, inboxId, () => reconciler.settleInbox(), terminal.progress)
        terminal.clear()
        const after = await stateOf(pool, deviceId, bundleId)
        const same = before === after
        const result = { replayed: inbox.status === 'done', same, inbox: inboxId, fault: inbox.fault }
        terminal.print(values.json ? JSON.stringify(result) : text(result))
        return result.replayed && same ? 0 : 1
      })
    } finally {
      await reconciler.close()
    }
  },
}

/** Everything that posting the bundle again could have changed. */
async function stateOf(pool: pg.Pool, deviceId: string, bundleId: string): Promise<string> {
  const { rows } = await pool.query<{ state: string }>(
    `WITH counters AS (
       SELECT counter FROM offline_transactions WHERE device_id = $1 AND bundle_id = $2
       UNION SELECT counter FROM offline_tx_copies WHERE device_id = $1 AND bundle_id = $2)
     SELECT json_build_array(
       (SELECT json_agg(b ORDER BY bundle_id) FROM offline_tx_bundles b WHERE device_id = $1 AND bundle_id = $2),
       (SELECT json_agg(b ORDER BY bundle_id) FROM offline_signed_bundles b WHERE device_id = $1 AND bundle_id = $2),
       (SELECT json_agg(p ORDER BY counter) FROM offline_transactions p JOIN counters USING (counter)
        WHERE p.device_id = $1),
       (SELECT json_agg(c ORDER BY counter, bundle_id) FROM offline_tx_copies c JOIN counters USING (counter)
        WHERE c.device_id = $1),
       (SELECT json_agg(v ORDER BY counter) FROM offline_tx_voids v WHERE device_id = $1 AND bundle_id = $2),
       (SELECT json_agg(t ORDER BY t.kind, t.source_no) FROM wallet_core.transfers t JOIN counters ON counter = t.source_no
        WHERE t.source_id = $1))::text AS state`,
    [deviceId, bundleId],
  )
  return rows[0]?.state ?? ''
}

/** @returns the id of its inbox row, or undefined when there is no such bundle */
async function enqueue(
  pool: pg.Pool,
  deviceId: string,
  bundleId: string,
  actor: string,
  nowMs: number,
): Promise<number | undefined> {
  const at = new Date(nowMs)
  return transact(pool, async (client) => {
    const { rows } = await client.query<StoredBundle>(
      `SELECT s.bundle, s.receipt, b.seq FROM offline_tx_bundles b JOIN offline_signed_bundles s USING (device_id, bundle_id)
       WHERE b.device_id = $1 AND b.bundle_id = $2`,
      [deviceId, bundleId],
    )
    const stored = rows[0]
    if (stored === undefined) return undefined
    const body = encodeSettleMessage({
      kind: 'bundle',
      deviceId: asDeviceId(deviceId) as DeviceId,
      bundle: new Uint8Array(stored.bundle),
      receipt: new Uint8Array(stored.receipt),
    })
    // Its own key each time, or it would count as the message that was settled before.
    const dedupKey = `replay/${deviceId}/${bundleId}/${crypto.randomUUID()}`
    await receive(client, [{ dedupKey, kind: 'bundle', body, deviceId, bundleId, seq: stored.seq }], at)
    const inbox = await client.query<{ id: number }>('SELECT id FROM offline_sync_queue WHERE dedup_key = $1', [
      dedupKey,
    ])
    const id = inbox.rows[0]?.id
    await client.query(
      `INSERT INTO offline_audit_logs (stream, at, actor, action, device_id, bundle_id, detail)
       VALUES ('device:' || $1, $3, $4, 'bundle_replayed', $1, $2, jsonb_build_object('inbox', $5::bigint))`,
      [deviceId, bundleId, at, actor, id],
    )
    return id
  })
}

interface StoredBundle {
  bundle: Uint8Array
  receipt: Uint8Array
  seq: number
}

/** A running reconciler may have taken it: then this waits for it. */
const TRIES_MAX = 600
const PAUSE_MS = 100

async function settled(pool: pg.Pool, id: number, work: () => Promise<number>, progress: Terminal['progress']) {
  for (let tries = 1; ; tries++) {
    progress('waiting for the inbox', tries, TRIES_MAX)
    const taken = await work()
    const { rows } = await pool.query<{ status: string; fault: string | null }>(
      'SELECT status, last_error AS fault FROM offline_sync_queue WHERE id = $1',
      [id],
    )
    const row = rows[0] ?? { status: 'gone', fault: null }
    if (row.status !== 'pending' || tries === TRIES_MAX) return row
    if (taken === 0) await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
  }
}

function text({
  replayed,
  same,
  inbox,
  fault,
}: {
  replayed: boolean
  same: boolean
  inbox: number
  fault: string | null
}) {
  if (!replayed) return `message ${inbox} was not settled: ${fault ?? 'still pending'}`
  return same ? 'settled again: nothing changed' : 'settled again, and the book CHANGED: run verify'
}
