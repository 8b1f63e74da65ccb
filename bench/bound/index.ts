import { DurableObject } from 'cloudflare:workers'
import { importHmacKey, readServiceClaim, SERVICE_HEADER, verifyServiceCall } from '../../src/crypto/hmac.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { signAsEdge } from '../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { atOnce, OBJECTS_AT_ONCE } from '../../src/edge/at-once.ts'
import { concatBytes, fromBase64url } from '../../src/protocol/bytes.ts'
import { encodeCbor } from '../../src/protocol/cbor.ts'
import { encodePushResponse } from '../../src/protocol/notice.ts'
import { encodeSettleMessage } from '../../src/protocol/settle-codec.ts'
import { openPush } from '../floor/open-push.ts'
import { settledIn } from './confirmations.ts'
import { auditRow, bundleRow, INSERT_AUDIT, type ShownBundle, UPSERT_BUNDLES } from './read-model.ts'

/**
 * The bound: the least that keeps what the edge promises. No payment is read and nothing is judged.
 *
 *   push: open it as the floor does → one call of the object: receipt signed, one write → notice signed → answer;
 *         its settle message leaves in a batch with those of other pushes
 *   outcomes: HMAC → for each bundle one call of its object, one write → one batch of D1 for all of them → confirmed
 */
interface BoundEnv {
  readonly DEVICE: DurableObjectNamespace<BoundDevice>
  readonly DB: D1Database
  readonly SETTLE_QUEUE: Queue<Uint8Array>
  readonly EDGE_KEYS: string
  readonly KEY_WRAPPING_SECRET: string
  readonly INTERNAL_HMAC_KEY: string
}

let keys: ReturnType<typeof localKeys> | undefined
const keysOf = (env: BoundEnv) => {
  keys ??= localKeys(env.EDGE_KEYS, env.KEY_WRAPPING_SECRET)
  return keys
}

export class BoundDevice extends DurableObject<BoundEnv> {
  register(publicKey: Uint8Array): void {
    const { sql } = this.ctx.storage
    sql.exec('CREATE TABLE IF NOT EXISTS device (only INTEGER PRIMARY KEY, public_key BLOB NOT NULL)')
    sql.exec(`CREATE TABLE IF NOT EXISTS bundles (
      seq INTEGER PRIMARY KEY, received_at INTEGER NOT NULL, bundle BLOB NOT NULL, receipt BLOB NOT NULL)`)
    sql.exec('CREATE TABLE IF NOT EXISTS outcomes (seq INTEGER PRIMARY KEY, outcomes BLOB NOT NULL)')
    sql.exec('INSERT OR REPLACE INTO device VALUES (1, ?)', publicKey)
  }

  publicKey(): Uint8Array {
    const row = this.ctx.storage.sql.exec<{ public_key: ArrayBuffer }>('SELECT public_key FROM device').one()
    return new Uint8Array(row.public_key)
  }

  /** @returns the receipt, which exists if and only if the bundle is kept, and the outcomes of the bundle before */
  async admit(seq: number, bundle: Uint8Array, claims: Uint8Array): Promise<{ receipt: Uint8Array; news: Uint8Array }> {
    const { sql } = this.ctx.storage
    const { kid, signer } = await (await keysOf(this.env)).receiptSigner()
    const receipt = await signAsEdge(signer, kid, claims, 'molam-receipt-v1')
    sql.exec('INSERT INTO bundles VALUES (?, ?, ?, ?)', seq, Date.now(), bundle, receipt)
    const [told] = sql.exec<{ outcomes: ArrayBuffer }>('SELECT outcomes FROM outcomes WHERE seq = ?', seq - 1).toArray()
    return { receipt, news: new Uint8Array(told?.outcomes ?? []) }
  }

  /** @returns when the bundle was received */
  confirm(seq: number, outcomes: Uint8Array): number {
    const { sql } = this.ctx.storage
    sql.exec('INSERT INTO outcomes VALUES (?, ?) ON CONFLICT DO NOTHING', seq, outcomes)
    return sql.exec<{ received_at: number }>('SELECT received_at FROM bundles WHERE seq = ?', seq).one().received_at
  }
}

export default {
  async fetch(request, env, ctx) {
    const { pathname } = new URL(request.url)
    const body = new Uint8Array(await request.arrayBuffer())
    if (pathname === OUTCOMES_PATH) return outcomes(request, body, env)
    if (request.method === 'PUT') {
      await object(env, pathname.slice(1)).register(body)
      return new Response(null, { status: 204 })
    }
    return push(body, env, ctx)
  },
} satisfies ExportedHandler<BoundEnv>

async function push(body: Uint8Array, env: BoundEnv, ctx: ExecutionContext): Promise<Response> {
  const opened = await openPush(body, await keysOf(env), (deviceId) => object(env, deviceId).publicKey())
  if (typeof opened === 'number') return new Response(null, { status: opened })
  const { deviceId, bundleId, seq } = opened.claims
  const digest = await webCryptoSuite.sha256(opened.payload)
  const claims = encodeCbor([deviceId, bundleId, digest, seq, Date.now()])
  const { receipt, news } = await object(env, deviceId).admit(seq, body, claims)
  sendLater(encodeSettleMessage({ kind: 'bundle', deviceId, bundle: body, receipt }), env, ctx)
  const { kid, signer } = await (await keysOf(env)).receiptSigner()
  const told = concatBytes(encodeCbor([deviceId, Date.now()]), news)
  const notice = await signAsEdge(signer, kid, told, 'molam-notice-v1')
  return new Response(encodePushResponse(receipt, notice) as BodyInit)
}

/** A batch goes out when it is full, and 100 ms after its first message at the latest. */
const BATCH_MAX = 100
const BATCH_MS = 100
let waiting: Uint8Array[] = []

function sendLater(message: Uint8Array, env: BoundEnv, ctx: ExecutionContext): void {
  waiting.push(message)
  if (waiting.length >= BATCH_MAX) ctx.waitUntil(sendWaiting(env))
  else if (waiting.length === 1) ctx.waitUntil(scheduler.wait(BATCH_MS).then(() => sendWaiting(env)))
}

async function sendWaiting(env: BoundEnv): Promise<void> {
  const messages = waiting.map((body) => ({ body, contentType: 'bytes' as const }))
  waiting = []
  if (messages.length > 0) await env.SETTLE_QUEUE.sendBatch(messages)
}

const OUTCOMES_PATH = '/internal/outcomes'
let hmacKey: Promise<CryptoKey> | undefined

async function outcomes(request: Request, body: Uint8Array, env: BoundEnv): Promise<Response> {
  hmacKey ??= importHmacKey(fromBase64url(env.INTERNAL_HMAC_KEY))
  const claim = readServiceClaim(request.headers.get(SERVICE_HEADER), Date.now())
  const call = { method: 'POST', path: OUTCOMES_PATH, body }
  if (claim === undefined || !(await verifyServiceCall(await hmacKey, call, claim))) {
    return new Response(null, { status: 401 })
  }
  const shown = await atOnce(settledIn(body), OBJECTS_AT_ONCE, async (settled): Promise<ShownBundle> => {
    const { deviceId, seq, outcomes } = settled
    return { settled, receivedAtMs: await object(env, deviceId).confirm(seq, outcomes) }
  })
  const nowMs = Date.now()
  const statement = (sql: string, row: (bundle: ShownBundle, nowMs: number) => object) =>
    env.DB.prepare(sql).bind(JSON.stringify(shown.map((bundle) => row(bundle, nowMs))))
  await env.DB.batch([statement(UPSERT_BUNDLES, bundleRow), statement(INSERT_AUDIT, auditRow)])
  const devices = shown.map(({ settled }) => [settled.deviceId, 'confirmed'] as const)
  return Response.json({ devices: Object.fromEntries(devices) })
}

function object(env: BoundEnv, deviceId: string) {
  return env.DEVICE.get(env.DEVICE.idFromName(deviceId))
}
