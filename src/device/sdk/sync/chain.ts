import { equalBytes, toBase64url } from '../../../protocol/bytes.ts'
import { prevOf } from '../../../protocol/chain.ts'
import type { Receipt } from '../../../protocol/receipt.ts'
import { ok, type Result } from '../../../protocol/result.ts'
import { type ChainHead, chainStanding } from '../store/chain-proof.ts'
import type { LocalDevice } from '../store/local-device.ts'
import type { Parked } from '../store/outgoing.ts'
import { edgeKeys } from './edge-keys.ts'
import { applyNotice, fetchNotice } from './notices.ts'
import { type Failure, fail, type SyncDeps } from './sync-deps.ts'
import { isReceiptFor } from './trust.ts'

/**
 * Asks the edge where the device stands and settles what became of the bundle in flight, where no receipt can be had.
 * Asking without a cursor brings the signed device facts.
 */
export async function resolveChain(deps: SyncDeps): Promise<Result<'admitted' | 'not_admitted', Failure>> {
  const { device, changed } = deps
  const received = await fetchNotice(deps, edgeKeys(deps), undefined)
  if (!received.ok) return received
  const { notice, signed } = received.value
  const facts = notice.device
  if (facts === undefined) return fail('answer_invalid')
  const standing = chainStanding(facts, device.state, device.outgoing ?? (device.isOutgoingLost ? 'lost' : undefined))
  if (standing.kind === 'conflict') {
    // Kept in the state: the record of the bundle may be what is lost.
    await device.change(() => device.update({ conflict: { atMs: device.clock.nowMs() } }))
    return park(deps, 'chain_conflict')
  }
  const { kind, head } = standing
  if (kind === 'admitted' && !saysOf(head, device, notice.lastReceipt)) return fail('answer_invalid')
  const admitted = await device.change(async () => {
    const { conflict, ...agreed } = device.state
    if (conflict) await device.replace(agreed)
    const proof = { proof: 'chain', signed: toBase64url(signed) } as const
    const entries = kind === 'admitted' ? await device.admit(head.seq, head.prev, proof) : []
    await device.adoptHead(head)
    return entries
  })
  for (const entry of admitted) changed(entry)
  await applyNotice(deps, received.value)
  return ok(kind)
}

/** Whether the receipt is about the bundle at the head, and about the one in flight where its record can be read. */
function saysOf({ seq, prev }: ChainHead, { deviceId, outgoing }: LocalDevice, receipt: Receipt | undefined): boolean {
  if (receipt === undefined || receipt.deviceId !== deviceId) return false
  const isOfHead = receipt.seq === seq && equalBytes(prevOf(receipt.digest), prev)
  return isOfHead && (outgoing === undefined || isReceiptFor(receipt, outgoing))
}

/** Sets the bundle in flight aside: kept and shown, sent again only rarely or when asked. */
export async function park({ device }: SyncDeps, code: Parked['code']) {
  await device.change(async () => {
    const { outgoing } = device
    if (outgoing) await device.putOutgoing({ ...outgoing, parked: { code, atMs: device.clock.nowMs() } })
  })
  return fail(code, { stop: true })
}
