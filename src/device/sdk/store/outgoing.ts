import { sealPayload } from '../../../crypto/bundle-crypto.ts'
import type { CryptoSuite } from '../../../crypto/suite.ts'
import { fromBase64url, toBase64url } from '../../../protocol/bytes.ts'
import type { DeviceId } from '../../../protocol/ids.ts'
import type { EdgeKey } from '../../../protocol/keyset.ts'
import { BUNDLE_BYTES_MAX, PAYMENTS_PER_BUNDLE_MAX } from '../../../protocol/limits.ts'
import type { Currency } from '../../../protocol/money.ts'
import { encodePayload } from '../../../protocol/payload.ts'
import type { ProblemCode } from '../../../protocol/problems.ts'
import { type Entry, toWire } from './entry.ts'

/** The bundle in flight: written before it is first sent, and sent with the same sealed bytes until it is admitted. */
export interface Outgoing {
  readonly bundleId: Uint8Array
  readonly seq: number
  readonly prev: Uint8Array
  readonly firstCounter: number
  readonly lastCounter: number
  readonly recipientKid: Uint8Array
  readonly sealed: Uint8Array
  /** Digests of all the sealed bytes that were ever sent as this bundle; the last is that of `sealed`. */
  readonly digests: readonly Uint8Array[]
  /** The edge said "stop": kept, shown, and tried again rarely or when asked. */
  readonly parked?: Parked
}

export interface Parked {
  readonly code: ProblemCode | 'record_damaged' | 'chain_conflict'
  readonly atMs: number
}

/** Bytes of a bundle besides its sealed payments: header, signature, encapsulated key, with room to spare. */
const ENVELOPE_BYTES_MAX = 1024

/**
 * What goes into the next bundle: payments from the lowest counter on, for as long as their counters follow each other,
 * their currency stays the same, and they fit. A voided counter has no currency and goes with any.
 */
export function nextRun(unsent: readonly Entry[]): readonly Entry[] {
  const run: Entry[] = []
  let currency: Currency | undefined
  let bytes = ENVELOPE_BYTES_MAX
  for (const entry of unsent) {
    const own = entry.voided ? undefined : entry.payment?.currency
    const follows = run.length === 0 || entry.counter === (run.at(-1)?.counter ?? 0) + 1
    const sameCurrency = own === undefined || currency === undefined || own === currency
    bytes += sizeOf(entry)
    if (!follows || !sameCurrency || bytes > BUNDLE_BYTES_MAX || run.length === PAYMENTS_PER_BUNDLE_MAX) break
    currency ??= own
    run.push(entry)
  }
  return run
}

/** An upper bound: in a bundle, names that repeat stand once. */
function sizeOf(entry: Entry): number {
  if (entry.voided || entry.payment === undefined) return 1
  return encodePayload({ currency: entry.payment.currency, entries: [entry.payment] }).length
}

/** Seals a run of payments. The counters are consecutive and not empty. */
export async function sealRun(
  suite: CryptoSuite,
  place: Pick<Outgoing, 'bundleId' | 'seq' | 'prev'> & { readonly deviceId: DeviceId },
  recipient: EdgeKey,
  run: readonly Entry[],
  extra: { readonly countedMs: number | undefined; readonly currency: Currency },
): Promise<Omit<Outgoing, 'digests'> & { readonly digest: Uint8Array }> {
  const { bundleId, seq, prev } = place
  const [first, last] = [run[0], run.at(-1)]
  if (first === undefined || last === undefined) throw new RangeError('an empty bundle')
  const currency = run.find((entry) => !entry.voided)?.payment?.currency ?? extra.currency
  const payload = {
    currency,
    entries: run.map(toWire),
    ...(extra.countedMs !== undefined && { countedMs: extra.countedMs }),
  }
  const sealed = await sealPayload(suite, recipient, place, payload)
  return {
    bundleId,
    seq,
    prev,
    firstCounter: first.counter,
    lastCounter: last.counter,
    recipientKid: recipient.kid,
    sealed,
    digest: await suite.sha256(sealed),
  }
}

export type EncodedOutgoing = Pick<Outgoing, 'seq' | 'firstCounter' | 'lastCounter' | 'parked'> & {
  readonly [bytes in 'bundleId' | 'prev' | 'recipientKid' | 'sealed']: string
} & { readonly digests: readonly string[] }

/** JSON form: bytes as base64url. */
export function encodeOutgoing(outgoing: Outgoing): EncodedOutgoing {
  return {
    ...outgoing,
    bundleId: toBase64url(outgoing.bundleId),
    prev: toBase64url(outgoing.prev),
    recipientKid: toBase64url(outgoing.recipientKid),
    sealed: toBase64url(outgoing.sealed),
    digests: outgoing.digests.map(toBase64url),
  }
}

export function decodeOutgoing(encoded: EncodedOutgoing): Outgoing {
  return {
    ...encoded,
    bundleId: fromBase64url(encoded.bundleId),
    prev: fromBase64url(encoded.prev),
    recipientKid: fromBase64url(encoded.recipientKid),
    sealed: fromBase64url(encoded.sealed),
    digests: encoded.digests.map(fromBase64url),
  }
}
