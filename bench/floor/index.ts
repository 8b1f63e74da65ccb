import { DurableObject } from 'cloudflare:workers'
import { decode, Tagged } from 'cborg'
import { localKeys } from '../../src/crypto/local-keys.ts'
import type { Verifier } from '../../src/crypto/suite.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { sealAad } from '../../src/protocol/bundle.ts'
import { sigStructure } from '../../src/protocol/cose.ts'
import { deviceId } from '../../src/protocol/ids.ts'

/**
 * The floor: the least that a Worker can do which must not lose a bundle or take a forged one. It reads the envelope,
 * verifies the signature, opens the seal, inserts the bundle into its device's object, and answers 200. No strict
 * reading, no payments, no decision, no receipt, no queue. Its cryptography is the edge's own, so that a ratio against
 * it compares everything else.
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

const TAGS = { useMaps: true, tags: Tagged.preserve(16, 18) }
const verifiers = new Map<string, Verifier>()
let keys: ReturnType<typeof localKeys> | undefined

type Parts = [protectedBytes: Uint8Array, unprotected: Map<number, Uint8Array>, body: Uint8Array, signature: Uint8Array]

export default {
  async fetch(request, env) {
    const { pathname } = new URL(request.url)
    const body = new Uint8Array(await request.arrayBuffer())
    if (request.method === 'PUT') {
      await object(env, pathname.slice(1)).register(body)
      return new Response(null, { status: 204 })
    }
    const [protectedBytes, , sealed, signature] = (decode(body, TAGS) as Tagged).value as unknown as Parts
    const claims = (decode(protectedBytes, TAGS) as Map<number, Map<unknown, unknown>>).get(15)
    const id = claims?.get(1) as string
    const seq = claims?.get('seq') as number
    const verifier = verifiers.get(id) ?? (await verifierOf(env, id))
    if (!(await verifier.verify(sigStructure(protectedBytes, sealed, ''), signature))) {
      return new Response(null, { status: 401 })
    }
    const [, header, ciphertext] = (decode(sealed, TAGS) as Tagged).value as unknown as Parts
    keys ??= localKeys(env.EDGE_KEYS, env.KEY_WRAPPING_SECRET)
    const recipient = await (await keys).recipient(header.get(4) as Uint8Array)
    const seal = { encapsulatedKey: header.get(-4) as Uint8Array, ciphertext }
    const bundleId = claims?.get(7) as Uint8Array
    const aad = sealAad({ deviceId: deviceId(id), bundleId, seq })
    const payload = recipient && (await webCryptoSuite.open(recipient, seal, aad))
    if (payload === undefined) return new Response(null, { status: 422 })
    await object(env, id).insert(seq, body)
    return new Response('ok')
  },
} satisfies ExportedHandler<FloorEnv>

function object(env: FloorEnv, id: string) {
  return env.DEVICE.get(env.DEVICE.idFromName(id))
}

async function verifierOf(env: FloorEnv, id: string): Promise<Verifier> {
  const verifier = await webCryptoSuite.verifier({ alg: -7, bytes: await object(env, id).publicKey() })
  verifiers.set(id, verifier)
  return verifier
}
