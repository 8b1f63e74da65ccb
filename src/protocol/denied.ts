import { type CborValue, MalformedCbor } from './cbor.ts'
import { DENIED_PER_NOTICE_MAX, KEY_ID_BYTES, SECONDS_MAX } from './limits.ts'
import { bool, bytes, list, positive, uint } from './shape.ts'

/**
 * That a payer's pass must not be believed any more though it is good by its date, or may be again: the phone was stopped, or let pay
 * again. Changes are numbered in a country, so that a taker is told only of those that it does not know.
 */
export interface DeniedPass {
  readonly version: number
  /** Of the phone's key. */
  readonly kid: Uint8Array
  /** When the pass is over anyway. Whole seconds on the wire, rounded up. */
  readonly untilMs: number
  readonly isDenied: boolean
}

/** `[version, kid, until, is_denied]` */
export const deniedToCbor = ({ version, kid, untilMs, isDenied }: DeniedPass): CborValue => [
  version,
  kid,
  Math.ceil(untilMs / 1000),
  isDenied,
]

/** @throws MalformedCbor */
export function deniedFromCbor(value: CborValue | undefined): readonly DeniedPass[] {
  const changes = list(value, 'denied', 1, DENIED_PER_NOTICE_MAX).map((change): DeniedPass => {
    const [version, kid, until, isDenied] = list(change, 'denied', 4, 4)
    return {
      version: positive(version, 'denied.version'),
      kid: bytes(kid, 'denied.kid', KEY_ID_BYTES),
      untilMs: 1000 * uint(until, 'denied.until', SECONDS_MAX),
      isDenied: bool(isDenied, 'denied.is_denied'),
    }
  })
  if (changes.some(({ version }, i) => i > 0 && version <= (changes[i - 1]?.version ?? 0)))
    throw new MalformedCbor('denied')
  return changes
}
