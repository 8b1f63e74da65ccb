import type { Context } from 'hono'
import { readBase64url } from '../../protocol/bytes.ts'
import type { SignedKind } from '../../protocol/cose.ts'
import { parse } from '../../protocol/parse.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import type { KnownDevice } from '../ingest/identity-cache.ts'
import type { Refusal } from '../ingest/refusal.ts'
import { type BySelf, signedBy } from '../ingest/signed-by.ts'
import { type App, provenBy } from './app-types.ts'

/** A kind of what a wallet's holder signs with a device of the wallet. */
interface Kind<Signed extends BySelf> {
  /** The member of the body that has it, as base64url. */
  readonly field: string
  readonly aad: SignedKind
  /** Nothing of it is verified. @throws MalformedCbor */
  readonly parse: (encoded: Uint8Array) => Signed
}

interface Proven<Signed> {
  readonly signed: Signed
  /** Its very bytes. */
  readonly encoded: Uint8Array
  readonly device: KnownDevice
}

/** An answer to a claim, a mandate, or an order about an allowance: read → its signature → the device may say something at all. The signature is all that it needs. */
export async function holdersWord<Signed extends BySelf>(
  c: Context<App>,
  { field, aad, parse: read }: Kind<Signed>,
  text: string,
  nowMs: number,
): Promise<Result<Proven<Signed>, Refusal>> {
  const encoded = readBase64url(text)
  const parsed = encoded && parse(() => read(encoded))
  if (encoded === undefined || !parsed?.ok) return err({ code: 'invalid_request', detail: field })
  const signed = parsed.value
  const device = await signedBy(c.env, signed, aad, nowMs)
  if (!device?.isCurrent) return err({ code: 'invalid_signature' })
  provenBy(c, signed.claims.deviceId)
  if (device.status !== 'active') return err({ code: `device_${device.status}` })
  return ok({ signed, encoded, device })
}
