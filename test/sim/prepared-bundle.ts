import { createHash } from 'node:crypto'
import type { PreparedBundle } from '../../reconciler/settle/post.ts'
import type { Book } from '../../sim/book/pglite.ts'
import { ES256 } from '../../src/protocol/cose.ts'
import { deviceId, ulidText } from '../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../src/protocol/money.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'

const DEVICE = 'POS-1'
const BUNDLE_ID = new Uint8Array(16).fill(1)
const KID = new Uint8Array(8).fill(7)
const THUMBPRINT = new Uint8Array(32).fill(7)
const hex = (bytes: Uint8Array) => `\\x${Buffer.from(bytes).toString('hex')}`
const sha256 = (text: string) => new Uint8Array(createHash('sha256').update(text).digest())

/** A device in the registry that pays for its owner, on record, and a message of its bundle in the inbox. */
export function registerDevice(book: Book, owner: string, atMs: number): void {
  const at = new Date(atMs).toISOString()
  const kid = hex(KID)
  book.asOwner(
    `INSERT INTO offline_devices (device_id, rev, tenant, country, owner_wallet, status, kid, alg, registered_at,
       updated_at, wallet_state) VALUES ($1, 1, 'molam', 'SN', $2, 'active', $3, -7, $4, $4, 'known')`,
    [DEVICE, owner, kid, at],
  )
  book.asOwner(
    `INSERT INTO offline_device_keys (device_id, kid, alg, public_key, since_rev, state, state_at)
     VALUES ($1, $2, -7, $2, 1, 'active', $3)`,
    [DEVICE, kid, at],
  )
  book.asOwner(
    `INSERT INTO offline_wallet_consents (device_id, digest, thumbprint, wallet, tenant, asked_by, confirmed_by, by_holder,
       given_at, until_at, signed, recorded_at)
     VALUES ($1, $2, $3, $4, 'molam', 'user:ask', 'user:confirm', false, $5, $6, $3, $5)`,
    [DEVICE, hex(sha256('consent')), hex(THUMBPRINT), owner, at, new Date(atMs + 1000).toISOString()],
  )
  book.asOwner(
    `INSERT INTO offline_audit_logs (stream, at, actor, action, device_id, detail)
     VALUES ('device:' || $1::text, $2, 'reconciler', 'device_recorded', $1, $3)`,
    [DEVICE, at, JSON.stringify({ rev: 1, status: 'active', kid: Buffer.from(KID).toString('hex') })],
  )
  book.asOwner('INSERT INTO offline_outbox (device_id, next_attempt_at) VALUES ($1, $2)', [DEVICE, at])
  book.asOwner(
    `INSERT INTO offline_sync_queue (dedup_key, kind, device_id, bundle_id, body, next_retry_at, received_at)
     VALUES ('bundle', 'bundle', $1, $3, 'x', $2, $2)`,
    [DEVICE, at, ulidText(BUNDLE_ID)],
  )
}

/** A bundle with payments out of its owner's wallet, ready to be posted: nothing of it was signed. */
export function preparedBundle(
  amounts: readonly number[],
  sender: string,
  receiver: string,
  atMs: number,
): PreparedBundle {
  const id = deviceId(DEVICE)
  if (id === undefined) throw new Error('not a device id')
  const payments = amounts.map(
    (amount, i): Payment => ({
      ...{ counter: i + 1, type: 'merchant', method: 'wallet', amount: amountMinor(amount), currency: currency('XOF') },
      ...{ sender, receiver, initiatedAtMs: atMs },
    }),
  )
  const [bytes, digest, bundleId] = [new Uint8Array([1]), sha256('bundle'), BUNDLE_ID]
  const claims = {
    ...{ alg: ES256, kid: KID, deviceId: id, signedAtMs: atMs, bundleId, seq: 1, prev: new Uint8Array(16) },
    ...{ nonce: new Uint8Array(16), relay: false },
  }
  return {
    row: {
      ...{ id: 1, kind: 'bundle', deviceId: DEVICE, body: bytes, attempts: 1, failures: 0 },
      ...{ waitingFor: null, waitingSince: null },
    },
    message: { kind: 'bundle', deviceId: id, bundle: bytes, receipt: bytes },
    verified: {
      bundle: { claims } as PreparedBundle['verified']['bundle'],
      digest,
      receipt: {
        ...{ deviceId: id, bundleId, digest, seq: 1, receivedAtMs: atMs, status: 'pushed', exceptions: [] },
        ...{ firstCounter: 1, lastCounter: amounts.length, country: 'SN', policyVersion: 1 },
      },
      payload: { currency: currency('XOF'), entries: payments },
      passes: new Map(),
    },
    policy: { country: 'SN', version: 1, timeZone: 'Africa/Dakar' } as Policy,
    risk: undefined,
    payments: payments.map((payment) => ({
      ...{ payment, hash: sha256(String(payment.counter)), status: 'pending', payerProven: true, agentProven: true },
    })),
  }
}
