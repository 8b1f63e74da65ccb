import type { AddressInfo } from 'node:net'
import express from 'express'
import pg from 'pg'
import { openBundle } from '../../src/crypto/bundle-crypto.ts'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { signAsEdge, verifySign1 } from '../../src/crypto/sign1.ts'
import type { Verifier } from '../../src/crypto/suite.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { parseBundle } from '../../src/protocol/bundle.ts'
import { ES256 } from '../../src/protocol/cose.ts'
import type { DeviceId } from '../../src/protocol/ids.ts'
import { BUNDLE_BYTES_MAX } from '../../src/protocol/limits.ts'
import { encodeNotice, encodePushResponse } from '../../src/protocol/notice.ts'
import { admit } from './admit.ts'
import { Settler } from './settler.ts'

/**
 * The peer: what a good team would write first. Express and Postgres, a row a payment, one transaction a push, rows in
 * sets, prepared statements on a pool, and a settler beside it. Its cryptography and its wire are the project's own.
 * Left out: risk, an audit, review by people, wallets that nobody knows, and a read model, since its tables are one.
 *
 *   envelope → signature → seal, payments → one transaction (admit.ts) → notice signed → answer; then settler.ts
 */
const env = (name: string): string => {
  const value = process.env[name]
  if (value === undefined) throw new Error(`${name} is not set`)
  return value
}
const pool = new pg.Pool({ connectionString: env('DATABASE_URL'), max: 10 })
const keys = await localKeys(env('EDGE_KEYS'), env('KEY_WRAPPING_SECRET'))
const settler = new Settler(pool)
const verifiers = new Map<string, Verifier>()

async function verifierOf(deviceId: DeviceId): Promise<Verifier | undefined> {
  const known = verifiers.get(deviceId)
  if (known !== undefined) return known
  const { rows } = await pool.query<{ public_key: Uint8Array }>('SELECT public_key FROM devices WHERE device_id = $1', [
    deviceId,
  ])
  const key = rows[0]?.public_key
  if (key === undefined) return undefined
  const verifier = await webCryptoSuite.verifier({ alg: ES256, bytes: key })
  verifiers.set(deviceId, verifier)
  return verifier
}

const app = express()
app.disable('x-powered-by')

app.post('/offline/push', express.raw({ type: () => true, limit: BUNDLE_BYTES_MAX }), async (request, response) => {
  const encoded = new Uint8Array(request.body as Buffer)
  const bundle = parseBundle(encoded)
  const { deviceId } = bundle.claims
  const verifier = await verifierOf(deviceId)
  if (verifier === undefined || !(await verifySign1(verifier, bundle, ''))) {
    response.status(401).json({ code: 'invalid_signature' })
    return
  }
  const opened = await openBundle(webCryptoSuite, (kid) => keys.recipient(kid), bundle)
  if (!opened.ok) {
    response.status(422).json(opened.error)
    return
  }
  const digest = await webCryptoSuite.sha256(bundle.payload)
  const cursor = Number(request.get('molam-cursor') ?? 0)
  const push = { encoded, bundle, digest, payload: opened.value, cursor }
  const admitted = await admit(pool, keys, push, Date.now())
  if (typeof admitted === 'string') {
    response.status(409).json({ code: admitted })
    return
  }
  settler.wake()
  const { receipt, outcomes } = admitted
  const { kid, signer } = await keys.receiptSigner()
  const notice = encodeNotice({ deviceId, serverTimeMs: Date.now(), outcomes, cursor: bundle.claims.seq - 1 })
  const signed = await signAsEdge(signer, kid, notice, 'molam-notice-v1')
  response.type('application/cbor').send(Buffer.from(encodePushResponse(receipt, signed)))
})

app.get('/bench/settled', (_, response) => {
  response.json(settler.settled)
})

const server = app.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port))
process.once('disconnect', () => process.exit())
await settler.run()
