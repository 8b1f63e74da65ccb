import type pg from 'pg'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { type DeviceId, deviceId as parseDeviceId } from '../../src/protocol/ids.ts'
import { paymentsIn } from '../../src/protocol/payment.ts'
import { debitAuthority, payerDeviceOf } from '../registry/authority.ts'
import { type PolicyReader, policyKey } from '../registry/policies.ts'
import { loadDevices, type Registry } from '../registry/registry.ts'
import { verifyBundle } from './verify-bundle.ts'

/**
 * People approve a payment that waits because its payer's device was not known. An approval is not the payer's word, so
 * the signature is looked at again, with what the registry knows by now. Only reads; what is found is written with the
 * resolution.
 */
export interface LateProofDeps extends Omit<ProofDeps, 'devices'> {
  readonly pool: pg.Pool
}

interface ProofDeps {
  readonly keys: KeyProvider
  readonly trusted: readonly TrustedKey[]
  readonly policies: PolicyReader
  /** What the registry knows of these devices. */
  readonly devices: (deviceIds: readonly string[]) => Promise<Registry>
}

export interface LateProof {
  readonly deviceId: string
  readonly counter: number
  readonly payerDeviceId: string
  readonly nonce: Uint8Array
}

interface Unproven {
  device_id: string
  counter: number
  bundle: Uint8Array
  receipt: Uint8Array
}

/** @returns of these devices' approved payments without the payer's word those whose payer has signed, as it shows now */
export async function findLateProofs(deps: LateProofDeps, deviceIds: readonly string[]): Promise<readonly LateProof[]> {
  const { rows } = await deps.pool.query<Unproven>(
    `SELECT DISTINCT ON (t.device_id, t.counter) t.device_id, t.counter, b.bundle, b.receipt
     FROM offline_open_resolutions o
     JOIN offline_transactions t ON t.device_id = o.device_id AND t.counter = o.counter AND t.bundle_id = o.bundle_id
     JOIN offline_tx_bundles b ON b.device_id = t.device_id AND b.bundle_id = t.bundle_id
     WHERE o.device_id = ANY ($1) AND o.choice = 'approve' AND o.waiting_for IS NULL
       AND t.status IN ('review', 'quarantined') AND NOT t.payer_proven
     ORDER BY t.device_id, t.counter`,
    [deviceIds],
  )
  const proofs: LateProof[] = []
  for (const row of rows) {
    const devices = (ids: readonly string[]) => loadDevices(deps.pool, ids)
    const proof = await proofOf({ ...deps, devices }, row)
    if (proof !== undefined) proofs.push(proof)
  }
  return proofs
}

/** @returns the payer's signature of a payment that is recorded without it, if it shows now */
export async function proofOf(deps: ProofDeps, row: Unproven): Promise<LateProof | undefined> {
  const { device_id: deviceId, counter } = row
  const registry = await deps.devices([deviceId])
  const message = {
    kind: 'bundle',
    deviceId: parseDeviceId(deviceId) as DeviceId,
    bundle: new Uint8Array(row.bundle),
    receipt: new Uint8Array(row.receipt),
  } as const
  const verified = await verifyBundle(message, registry, deps.keys, deps.trusted)
  // Sealed to a key that is retired by now: what cannot be read proves nothing.
  if (!verified.ok) return undefined
  const { payload, receipt } = verified.value
  const policy = (await deps.policies([receipt])).get(policyKey(receipt.country, receipt.policyVersion))
  const payment = paymentsIn(payload).find((payment) => payment.counter === counter)
  const taker = registry.get(deviceId)
  if (policy === undefined || taker === undefined || payment === undefined) return undefined
  const payer = payerDeviceOf(payment, policy, taker)
  if (payer === undefined) return undefined
  const known = await deps.devices([payer])
  const authority = await debitAuthority(payment, policy, taker, receipt.receivedAtMs, known)
  return authority.kind === 'signed' ? { deviceId, counter, ...authority } : undefined
}

/** In the transaction that carries the resolutions out, which holds the locks of the devices. */
export async function writeLateProofs(client: pg.ClientBase, proofs: readonly LateProof[]): Promise<void> {
  if (proofs.length === 0) return
  await client.query('SELECT offline_prove_payers($1, $2, $3, $4)', [
    proofs.map(({ deviceId }) => deviceId),
    proofs.map(({ counter }) => counter),
    proofs.map(({ payerDeviceId }) => payerDeviceId),
    proofs.map(({ nonce }) => Buffer.from(nonce)),
  ])
}
