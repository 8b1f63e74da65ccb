import type pg from 'pg'
import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { type DeviceId, deviceId as parseDeviceId } from '../../src/protocol/ids.ts'
import { paymentsIn } from '../../src/protocol/payment.ts'
import { type Approval, agentDeviceOf, approvalBy } from '../registry/approvals.ts'
import { type Authority, debitAuthority, payerDeviceOf, takerOf } from '../registry/authority.ts'
import { type PolicyReader, policyKey } from '../registry/policies.ts'
import { loadDevices, type Registry } from '../registry/registry.ts'
import { verifyBundle } from './verify-bundle.ts'

/**
 * People approve a payment that waits because the device of its payer, or of its agent, was not known. What they say is neither
 * the payer's word nor the agent's, so the signatures are looked at again, with what the registry knows by now. Only reads; what is
 * found is written with the resolution.
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

/** Which words of a payment do not hold any more. */
export interface LostProof {
  readonly deviceId: string
  readonly counter: number
  readonly isPayers: boolean
  readonly isAgents: boolean
}

/** Signatures of a payment that show now. */
export interface LateProof {
  readonly deviceId: string
  readonly counter: number
  readonly payer?: { readonly payerDeviceId: string; readonly requestId: Uint8Array }
  readonly agent?: { readonly agentDeviceId: string; readonly requestId: Uint8Array }
}

interface Waiting {
  device_id: string
  counter: number
  bundle: Uint8Array
  receipt: Uint8Array
}

/** @returns of these devices' approved payments without a word that they need those whose signature shows now */
export async function findLateProofs(deps: LateProofDeps, deviceIds: readonly string[]): Promise<readonly LateProof[]> {
  const proofs: LateProof[] = []
  for (const row of await approvedPayments(deps.pool, deviceIds, 'NOT (t.payer_proven AND t.agent_proven)')) {
    const devices = (ids: readonly string[]) => loadDevices(deps.pool, ids)
    const proof = await proofOf({ ...deps, devices }, row)
    if (proof !== undefined) proofs.push(proof)
  }
  return proofs
}

/**
 * The other way round: a word that held when the payment was recorded may not hold any more, because the device that gave it was
 * suspended or its key lost, or the device's consent was withdrawn, while people were looking. Nobody moves money by a word
 * that does not hold when he gives his own.
 *
 * @returns of these devices' approved payments with a word those whose word does not hold now
 */
export async function findLostProofs(
  deps: LateProofDeps,
  deviceIds: readonly string[],
  nowMs: number,
): Promise<readonly LostProof[]> {
  const lost: LostProof[] = []
  for (const row of await approvedPayments(deps.pool, deviceIds, 't.payer_proven OR t.agent_proven')) {
    const devices = (ids: readonly string[]) => loadDevices(deps.pool, ids)
    const proof = await lostProofOf({ ...deps, devices }, row, nowMs)
    if (proof !== undefined) lost.push(proof)
  }
  return lost
}

async function approvedPayments(pool: pg.Pool, deviceIds: readonly string[], which: string) {
  const { rows } = await pool.query<Waiting>(
    `SELECT DISTINCT ON (t.device_id, t.counter) t.device_id, t.counter, s.bundle, s.receipt
     FROM offline_open_resolutions o
     JOIN offline_transactions t ON t.device_id = o.device_id AND t.counter = o.counter AND t.bundle_id = o.bundle_id
     JOIN offline_signed_bundles s ON s.device_id = t.device_id AND s.bundle_id = t.bundle_id
     WHERE o.device_id = ANY ($1) AND o.choice = 'approve' AND o.waiting_for IS DISTINCT FROM 'bundle'
       AND t.status IN ('review', 'quarantined') AND (${which})
     ORDER BY t.device_id, t.counter`,
    [deviceIds],
  )
  return rows
}

/** @returns the signatures of a payment, if any shows now */
export async function proofOf(deps: ProofDeps, row: Waiting): Promise<LateProof | undefined> {
  const words = await wordsOf(deps, row)
  const [payer, agent] = [words?.authority, words?.approval]
  const proofs = {
    ...(payer?.kind === 'signed' && { payer }),
    ...(agent?.kind === 'approved' && { agent }),
  }
  if (Object.keys(proofs).length === 0) return undefined
  return { deviceId: row.device_id, counter: row.counter, ...proofs }
}

/** @returns undefined when both words still hold */
export async function lostProofOf(deps: ProofDeps, row: Waiting, nowMs: number): Promise<LostProof | undefined> {
  const words = await wordsOf(deps, row, nowMs)
  const isPayers = words?.authority.kind !== 'signed' && words?.authority.kind !== 'own_device'
  const isAgents = words?.approval.kind !== 'approved' && words?.approval.kind !== 'not_needed'
  return isPayers || isAgents ? { deviceId: row.device_id, counter: row.counter, isPayers, isAgents } : undefined
}

/** @param nowMs left out: as the taker was when the edge admitted the payment */
async function wordsOf(
  deps: ProofDeps,
  row: Waiting,
  nowMs?: number,
): Promise<{ readonly authority: Authority; readonly approval: Approval } | undefined> {
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
  const { payload, receipt, bundle, passes } = verified.value
  const policy = (await deps.policies([receipt])).get(policyKey(receipt.country, receipt.policyVersion))
  const payment = paymentsIn(payload).find((payment) => payment.counter === counter)
  const device = registry.get(deviceId)
  if (policy === undefined || device === undefined || payment === undefined) return undefined
  const taker = takerOf(device, bundle.claims.kid, nowMs ?? receipt.receivedAtMs)
  const signers = [payerDeviceOf(payment, taker), agentDeviceOf(payment, policy, taker)]
  const known = await deps.devices(signers.filter((id) => id !== undefined))
  return {
    authority: await debitAuthority(payment, policy, taker, receipt.receivedAtMs, known, passes),
    approval: await approvalBy(payment, policy, taker, receipt.receivedAtMs, known),
  }
}

/** In the transaction that carries the resolutions out, which holds the locks of the devices. */
export async function writeLostProofs(client: pg.ClientBase, lost: readonly LostProof[]): Promise<void> {
  const disprove = async (whose: Whose, some: readonly LostProof[]) => {
    if (some.length === 0) return
    const columns = [some.map(({ deviceId }) => deviceId), some.map(({ counter }) => counter)]
    await client.query('SELECT offline_disprove($1, $2, $3)', [whose, ...columns])
  }
  await disprove(
    'payer',
    lost.filter(({ isPayers }) => isPayers),
  )
  await disprove(
    'agent',
    lost.filter(({ isAgents }) => isAgents),
  )
}

/** As `writeLostProofs`. */
export async function writeLateProofs(client: pg.ClientBase, proofs: readonly LateProof[], at: Date): Promise<void> {
  const prove = async (whose: Whose, used: readonly Used[]) => {
    if (used.length === 0) return
    const column = <T>(pick: (one: Used) => T) => used.map(pick)
    await client.query('SELECT offline_prove($1, $2, $3, $4, $5, $6)', [
      ...[whose, column(({ deviceId }) => deviceId), column(({ counter }) => counter)],
      ...[column(({ signerId }) => signerId), column(({ once }) => Buffer.from(once)), at],
    ])
  }
  const payers = proofs.flatMap(({ deviceId, counter, payer }): Used[] =>
    payer === undefined ? [] : [{ deviceId, counter, signerId: payer.payerDeviceId, once: payer.requestId }],
  )
  const agents = proofs.flatMap(({ deviceId, counter, agent }): Used[] =>
    agent === undefined ? [] : [{ deviceId, counter, signerId: agent.agentDeviceId, once: agent.requestId }],
  )
  await prove('payer', payers)
  await prove('agent', agents)
}

/** Whose signature beside the taker's own. */
export type Whose = 'payer' | 'agent'

/** A signature that a payment uses up: by whom, and what makes it good for one payment. */
interface Used {
  readonly deviceId: string
  readonly counter: number
  readonly signerId: string
  readonly once: Uint8Array
}
