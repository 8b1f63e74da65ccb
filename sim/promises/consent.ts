import { toHex } from '../../src/protocol/bytes.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { type Admitted, type AdmittedDevice, type ConsentLine, codeIn } from './admitted.ts'

/**
 * Whether somebody had said that the key which signed may pay out of its owner's wallet, and nobody had taken it back: two people, or the
 * holder by a code that the book had accepted by then.
 *
 * @param counts of which consents it is asked; all when left out
 */
export function paysByConsent(
  { consents }: AdmittedDevice,
  { initiatedAtMs }: Payment,
  { bundle, receipt: { receivedAtMs } }: Pick<Admitted, 'bundle' | 'receipt'>,
  counts: (consent: ConsentLine) => boolean = () => true,
): boolean {
  const kid = toHex(bundle.claims.kid)
  return consents.some((one) => {
    const isAgreed = one.askedBy !== one.confirmedBy && one.thumbprint.startsWith(kid)
    const sinceMs = codeIn(one) === undefined ? one.givenAtMs : (one.countsFromMs ?? Number.POSITIVE_INFINITY)
    const ended = Math.min(one.withdrawnAtMs ?? Number.POSITIVE_INFINITY, one.refusedAtMs ?? Number.POSITIVE_INFINITY)
    const isInForce = sinceMs <= receivedAtMs && receivedAtMs < ended && initiatedAtMs <= one.untilMs
    return isAgreed && isInForce && counts(one)
  })
}
