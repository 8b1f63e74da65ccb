import type pg from 'pg'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { type DeviceId, deviceId as parseDeviceId } from '../../src/protocol/ids.ts'
import { paymentsIn } from '../../src/protocol/payment.ts'
import { type Authority, debitAuthority, payerDeviceOf, takerOf } from '../registry/authority.ts'
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

export type LostProof = Pick<LateProof, 'deviceId' | 'counter'>

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
    `SELECT DISTINCT ON (t.device_id, t.counter) t.device_id, t.counter, s.bundle, s.receipt
     FROM offline_open_resolutions o
     JOIN offline_transactions t ON t.device_id = o.device_id AND t.counter = o.counter AND t.bundle_id = o.bundle_id
     JOIN offline_signed_bundles s ON s.device_id = t.device_id AND s.bundle_id = t.bundle_id
     WHERE o.device_id = ANY ($1) AND o.choice = 'approve' AND o.waiting_for IS DISTINCT FROM 'bundle'
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

/**
 * The other way round: a word that held when the payment was recorded may not hold any more, because the payer's device was
 * suspended or its key lost, or the device's consent was withdrawn, while people were looking. Nobody moves money by a word
 * that does not hold when he gives his own.
 *
 * @returns of these devices' approved payments with the payer's word those whose payer's word does not hold now
 */
export async function findLostProofs(
  deps: LateProofDeps,
  deviceIds: readonly string[],
  nowMs: number,
): Promise<readonly LostProof[]> {
  const { rows } = await deps.pool.query<Unproven>(
    `SELECT DISTINCT ON (t.device_id, t.counter) t.device_id, t.counter, s.bundle, s.receipt
     FROM offline_open_resolutions o
     JOIN offline_transactions t ON t.device_id = o.device_id AND t.counter = o.counter AND t.bundle_id = o.bundle_id
     JOIN offline_signed_bundles s ON s.device_id = t.device_id AND s.bundle_id = t.bundle_id
     WHERE o.device_id = ANY ($1) AND o.choice = 'approve' AND o.waiting_for IS DISTINCT FROM 'bundle'
       AND t.status IN ('review', 'quarantined') AND t.payer_proven
     ORDER BY t.device_id, t.counter`,
    [deviceIds],
  )
  const lost: LostProof[] = []
  for (const row of rows) {
    const devices = (ids: readonly string[]) => loadDevices(deps.pool, ids)
    if (!(await holdsNow({ ...deps, devices }, row, nowMs))) {
      lost.push({ deviceId: row.device_id, counter: row.counter })
    }
  }
  return lost
}

/** @returns the payer's signature of a payment that is recorded without it, if it shows now */
export async function proofOf(deps: ProofDeps, row: Unproven): Promise<LateProof | undefined> {
  const { device_id: deviceId, counter } = row
  const authority = await authorityOf(deps, row)
  return authority?.kind === 'signed' ? { deviceId, counter, ...authority } : undefined
}

/** Whether its payer's word still holds. */
export async function holdsNow(deps: ProofDeps, row: Unproven, nowMs: number): Promise<boolean> {
  const authority = await authorityOf(deps, row, nowMs)
  return authority?.kind === 'signed' || authority?.kind === 'own_device'
}

/** @param nowMs left out: as the taker was when the edge admitted the payment */
async function authorityOf(deps: ProofDeps, row: Unproven, nowMs?: number): Promise<Authority | undefined> {
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
  const { payload, receipt, bundle } = verified.value
  const policy = (await deps.policies([receipt])).get(policyKey(receipt.country, receipt.policyVersion))
  const payment = paymentsIn(payload).find((payment) => payment.counter === counter)
  const device = registry.get(deviceId)
  if (policy === undefined || device === undefined || payment === undefined) return undefined
  const taker = takerOf(device, bundle.claims.kid, nowMs ?? receipt.receivedAtMs)
  const payer = payerDeviceOf(payment, taker)
  const known = await deps.devices(payer === undefined ? [] : [payer])
  return debitAuthority(payment, policy, taker, receipt.receivedAtMs, known)
}

export async function writeLostProofs(client: pg.ClientBase, lost: readonly LostProof[]): Promise<void> {
  if (lost.length === 0) return
  await client.query('SELECT offline_disprove_payers($1, $2)', [
    lost.map(({ deviceId }) => deviceId),
    lost.map(({ counter }) => counter),
  ])
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
