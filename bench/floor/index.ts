import { DurableObject } from 'cloudflare:workers'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { openPush } from './open-push.ts'

/**
 * The floor: the least that a Worker can do which must not lose a bundle or take a forged one. It opens a push, inserts
 * the bundle into its device's object, and answers 200. No payments, no decision, no receipt, no queue.
 */
interface FloorEnv {
  readonly DEVICE: DurableObjectNamespace<FloorDevice>
  readonly EDGE_KEYS: string
  readonly KEY_WRAPPING_SECRET: string
}

export class FloorDevice extends DurableObject<FloorEnv> {
  register(publicKey: Uint8Array): void {
    this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS device (only INTEGER PRIMARY KEY, public_key BLOB NOT NULL)')
    this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS bundles (seq INTEGER PRIMARY KEY, bundle BLOB NOT NULL)')
    this.ctx.storage.sql.exec('INSERT OR REPLACE INTO device VALUES (1, ?)', publicKey)
  }

  publicKey(): Uint8Array {
    const row = this.ctx.storage.sql.exec<{ public_key: ArrayBuffer }>('SELECT public_key FROM device').one()
    return new Uint8Array(row.public_key)
  }

  insert(seq: number, bundle: Uint8Array): void {
    this.ctx.storage.sql.exec('INSERT INTO bundles VALUES (?, ?)', seq, bundle)
  }
}

let keys: ReturnType<typeof localKeys> | undefined

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    const body = new Uint8Array(await request.arrayBuffer())
    if (request.method === 'PUT') {
      await object(env, pathname.slice(1)).register(body)
      return new Response(null, { status: 204 })
    }
    keys ??= localKeys(env.EDGE_KEYS, env.KEY_WRAPPING_SECRET)
    const opened = await openPush(body, await keys, (deviceId) => object(env, deviceId).publicKey())
    if (typeof opened === 'number') return new Response(null, { status: opened })
    await object(env, opened.claims.deviceId).insert(opened.claims.seq, body)
    return new Response('ok')
  },
} satisfies ExportedHandler<FloorEnv>

function object(env: FloorEnv, deviceId: string) {
  return env.DEVICE.get(env.DEVICE.idFromName(deviceId))
}
