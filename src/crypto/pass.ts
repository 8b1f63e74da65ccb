import type { Authorization } from '../protocol/authorization.ts'
import { toHex } from '../protocol/bytes.ts'
import type { Sign1 } from '../protocol/cose.ts'
import type { DeviceId } from '../protocol/ids.ts'
import { decodePass, encodePass, type Pass, passIn } from '../protocol/pass.ts'
import type { Payment } from '../protocol/payment.ts'
import { expandKey } from './compressed-key.ts'
import { openAsEdge, signAsEdge, type TrustedKey } from './sign1.ts'
import { type CryptoSuite, InvalidKey, type PublicKey, type Signer } from './suite.ts'
import { keyId } from './thumbprint.ts'

/** A pass that the edge has signed, with the key of the device that it is for. */
export interface OpenedPass {
  readonly pass: Pass
  readonly key: PublicKey
  readonly kid: Uint8Array
}

/** Passes by their bytes in hex. What the edge has not signed is not among them. */
export type OpenedPasses = ReadonlyMap<string, OpenedPass>

/** A payer's signature with the key that it names, as other second signatures have it. */
export interface PayersSignature extends Sign1 {
  readonly claims: Authorization['claims'] & { readonly deviceId: DeviceId; readonly kid: Uint8Array }
}

/** @param kid of the edge's receipt key */
export const signPass = (signer: Signer, kid: Uint8Array, pass: Pass): Promise<Uint8Array> =>
  signAsEdge(signer, kid, encodePass(pass), 'molam-payer-pass-v1')

/** @returns undefined for what is no pass by a trusted key of the edge */
export async function openPass(
  suite: Pick<CryptoSuite, 'sha256'>,
  encoded: Uint8Array,
  trusted: readonly TrustedKey[],
): Promise<OpenedPass | undefined> {
  if (passIn(encoded) === undefined) return undefined
  const payload = await openAsEdge(encoded, trusted, 'molam-payer-pass-v1')
  if (payload === undefined) return undefined
  const pass = decodePass(payload)
  try {
    const key = expandKey(pass.key)
    return { pass, key, kid: await keyId(suite, key) }
  } catch (error) {
    if (error instanceof InvalidKey) return undefined
    throw error
  }
}

/** Passes that were opened with these keys: a payer shows the same one all week. */
const known = new WeakMap<readonly TrustedKey[], Map<string, OpenedPass>>()
const KNOWN_MAX = 5_000

/** Opens the pass of each payment that has one, each once. */
export async function openPasses(
  suite: Pick<CryptoSuite, 'sha256'>,
  payments: readonly Payment[],
  trusted: readonly TrustedKey[],
): Promise<OpenedPasses> {
  const before = known.get(trusted) ?? new Map<string, OpenedPass>()
  known.set(trusted, before)
  const opened = new Map<string, OpenedPass>()
  const carried = new Map(payments.flatMap(({ pass }) => (pass === undefined ? [] : [[toHex(pass), pass] as const])))
  await Promise.all(
    [...carried].map(async ([name, pass]) => {
      const found = before.get(name) ?? (await openPass(suite, pass, trusted))
      if (found === undefined) return
      opened.set(name, found)
      // Maps keep insertion order, so the first one was opened longest ago.
      if (before.size >= KNOWN_MAX) before.delete(before.keys().next().value ?? '')
      before.set(name, found)
    }),
  )
  return opened
}

/**
 * @param authorization of this payment
 * @returns the signature with the device and the key of the payment's pass; undefined when the edge has not signed that pass
 */
export function payersSignature(
  authorization: Authorization,
  payment: Payment,
  passes: OpenedPasses,
): PayersSignature | undefined {
  const opened = payment.pass && passes.get(toHex(payment.pass))
  if (opened === undefined || opened.key.alg !== authorization.claims.alg) return undefined
  const { pass, kid } = opened
  return { ...authorization, claims: { ...authorization.claims, deviceId: pass.deviceId, kid } }
}
