import { equalBytes } from '../protocol/bytes.ts'
import { encodeCbor } from '../protocol/cbor.ts'
import {
  encodeDetached,
  encodeSign1,
  HEADER_ALG,
  HEADER_KID,
  parseSign1,
  readAlgKid,
  type SignedKind,
  sigStructure,
} from '../protocol/cose.ts'
import { parse } from '../protocol/parse.ts'
import { map } from '../protocol/shape.ts'
import type { Signer, Verifier } from './suite.ts'

/** Signs a payload under a protected header that is already encoded. */
export async function signSign1(
  signer: Signer,
  protectedBytes: Uint8Array,
  payload: Uint8Array,
  kind: SignedKind,
): Promise<Uint8Array> {
  const signature = await signer.sign(sigStructure(protectedBytes, payload, kind))
  return encodeSign1({ protectedBytes, payload, signature })
}

/** As `signSign1`, without the payload, which whoever verifies it brings. */
export async function signDetached(
  signer: Signer,
  protectedBytes: Uint8Array,
  payload: Uint8Array,
  kind: SignedKind,
): Promise<Uint8Array> {
  return encodeDetached({ protectedBytes, signature: await signer.sign(sigStructure(protectedBytes, payload, kind)) })
}

/** @returns whether the signature of a parsed object of this kind holds */
export function verifySign1(
  verifier: Verifier,
  parts: { protectedBytes: Uint8Array; payload: Uint8Array; signature: Uint8Array },
  kind: SignedKind,
): Promise<boolean> {
  return verifier.verify(sigStructure(parts.protectedBytes, parts.payload, kind), parts.signature)
}

/** Kinds that the edge signs: their header is just the algorithm and the key id. */
type EdgeKind =
  | 'molam-receipt-v1'
  | 'molam-notice-v1'
  | 'molam-settle-v1'
  | 'molam-policy-v1'
  | 'molam-consent-v1'
  | 'molam-payer-pass-v1'

/** Signs a receipt, a notice, a message to the reconciler, a version of a policy, a consent, or a pass. */
export function signAsEdge(signer: Signer, kid: Uint8Array, payload: Uint8Array, kind: EdgeKind): Promise<Uint8Array> {
  return signSign1(signer, encodeEdgeHeader(signer.key.alg, kid), payload, kind)
}

/** The protected header of all that the edge signs. */
export const encodeEdgeHeader = (alg: number, kid: Uint8Array): Uint8Array =>
  encodeCbor(
    new Map<number, number | Uint8Array>([
      [HEADER_ALG, alg],
      [HEADER_KID, kid],
    ]),
  )

/** A key that the reader trusts for the edge's signatures. */
export interface TrustedKey {
  readonly kid: Uint8Array
  readonly alg: number
  readonly verifier: Verifier
}

/**
 * Opens what the edge signed.
 *
 * @returns the payload, or undefined when it is no COSE_Sign1 that a trusted key verifies
 */
export async function openAsEdge(
  encoded: Uint8Array,
  trusted: readonly TrustedKey[],
  kind: EdgeKind,
): Promise<Uint8Array | undefined> {
  const read = parse(() => {
    const parts = parseSign1(encoded)
    return { parts, ...readAlgKid(map(parts.header, 'header', [HEADER_ALG, HEADER_KID])) }
  })
  if (!read.ok) return undefined
  const { parts, alg, kid } = read.value
  const key = trusted.find((candidate) => equalBytes(candidate.kid, kid) && candidate.alg === alg)
  if (key === undefined || !(await verifySign1(key.verifier, parts, kind))) return undefined
  return parts.payload
}
