import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import { decodeCbor, Tagged } from '../../src/protocol/cbor.ts'
import { isPayment } from '../../src/protocol/payment.ts'
import type { World } from '../world.ts'
import type { Admitted, AdmittedDevice } from './admitted.ts'

/** Bytes of a digest that the next bundle repeats. */
const PREV_BYTES = 16

/**
 * Promise 10: what was admitted is one history. Each bundle names the one before it, each is signed by a key that the device had
 * then, and what told another story is kept, with its signature.
 */
export function historiesAreWhole({ edge, rogue }: World, devices: readonly AdmittedDevice[]): string[] {
  const wrong = devices.flatMap(({ id, ownerWallet, bundles }) => {
    const rotations = edge.objects.read(id, "SELECT at, detail FROM audit WHERE action IN ('key_rotated') ORDER BY id")
    return [
      ...unchained(bundles),
      ...holesUnseen(bundles, ownerWallet),
      ...signedByOldKeys(bundles, rotations.map(rotationOf)),
    ].map((what) => `${id}: ${what}`)
  })
  const evidence =
    edge.objects.names.includes(rogue.id) && rogue.isRegistered
      ? edge.objects.read(rogue.id, 'SELECT digest, kind, signed FROM evidence')
      : []
  const kept = new Set(evidence.map(({ digest, kind }) => `${toHex(new Uint8Array(digest as ArrayBuffer))} ${kind}`))
  const lost = rogue.contradicted.filter(([digest, code]) => !kept.has(`${digest} ${code}`))
  return [
    ...wrong,
    ...evidence.filter(holdsPayload).map(({ kind }) => `what ${rogue.id} was refused for (${kind}) is kept whole`),
    ...lost.map(([, code]) => `${rogue.id} contradicted itself (${code}), and there is no evidence of it`),
  ]
}

/** Of what is refused as a whole nothing sealed is kept. */
function holdsPayload({ signed }: Readonly<Record<string, unknown>>): boolean {
  const sign1 = decodeCbor(new Uint8Array(signed as ArrayBuffer))
  return !(sign1 instanceof Tagged && Array.isArray(sign1.value) && sign1.value[2] === null)
}

function unchained(bundles: readonly Admitted[]): readonly string[] {
  const bySeq = new Map(bundles.map((admitted) => [admitted.receipt.seq, admitted]))
  return bundles.flatMap(({ bundle, receipt: { seq } }) => {
    const before = bySeq.get(seq - 1)
    if (before === undefined && seq > 1) return []
    const expected = before === undefined ? new Uint8Array(PREV_BYTES) : before.receipt.digest.slice(0, PREV_BYTES)
    return equalBytes(bundle.claims.prev, expected)
      ? []
      : [`bundle ${seq} continues another history than it was admitted to`]
  })
}

/**
 * A bundle that leaves others out has a higher risk for it, and waits where it debits the owner's wallet; unless it names the
 * last one, as a device does that lost its state.
 */
function holesUnseen(bundles: readonly Admitted[], ownerWallet: string): readonly string[] {
  let head = 0
  const known = [new Uint8Array(PREV_BYTES)]
  return bundles.flatMap(({ bundle, receipt: { seq, digest }, entries, risks }) => {
    const leavesOut = seq > head + 1 && !known.some((prev) => equalBytes(prev, bundle.claims.prev))
    head = Math.max(head, seq)
    known.push(digest.slice(0, PREV_BYTES))
    if (!leavesOut) return []
    if (!risks.has('chain_hole')) return [`bundle ${seq} leaves others out, and that is no risk`]
    const debits = entries.some((entry) => isPayment(entry) && entry.sender === ownerWallet)
    return debits && !risks.has('debit_after_hole')
      ? [`bundle ${seq} debits the owner's wallet and leaves others out, and nobody is asked`]
      : []
  })
}

interface Rotation {
  readonly atMs: number
  readonly replaced: string
  readonly isRevoked: boolean
}

function rotationOf({ at, detail }: Readonly<Record<string, unknown>>): Rotation {
  const { replaced, fate } = JSON.parse(String(detail)) as { replaced: string; fate: string }
  return { atMs: Number(at), replaced, isRevoked: fate === 'revoked' }
}

/** A revoked key signs nothing more, nor do those before it; a replaced one nothing after the first bundle of a newer key. */
function signedByOldKeys(bundles: readonly Admitted[], rotations: readonly Rotation[]): readonly string[] {
  const age = (kid: Uint8Array) => {
    const at = rotations.findIndex(({ replaced }) => replaced === toHex(kid))
    return at === -1 ? rotations.length : at
  }
  return bundles.flatMap(({ bundle: { claims }, receipt: { seq, receivedAtMs } }, index) => {
    const own = age(claims.kid)
    const revoked = rotations.some(({ atMs, isRevoked }, at) => isRevoked && at >= own && atMs < receivedAtMs)
    const newer = bundles
      .slice(0, index)
      .some(
        (other) =>
          age(other.bundle.claims.kid) > own && other.receipt.seq < seq && other.receipt.receivedAtMs < receivedAtMs,
      )
    if (revoked) return [`bundle ${seq} was signed with a key that was revoked, and admitted`]
    return newer ? [`bundle ${seq} was signed with a key after the first bundle of a newer one, and admitted`] : []
  })
}
