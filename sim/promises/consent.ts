import { toHex } from '../../src/protocol/bytes.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { Admitted, AdmittedDevice } from './admitted.ts'

/** Whether two people had said that the key which signed may pay out of its owner's wallet, and nobody had taken it back. */
export function paysByConsent(
  { consents }: AdmittedDevice,
  { initiatedAtMs }: Payment,
  { bundle, receipt: { receivedAtMs } }: Pick<Admitted, 'bundle' | 'receipt'>,
): boolean {
  const kid = toHex(bundle.claims.kid)
  return consents.some((one) => {
    const isAgreed = one.askedBy !== one.confirmedBy && one.thumbprint.startsWith(kid)
    const ended = Math.min(one.withdrawnAtMs ?? Number.POSITIVE_INFINITY, one.refusedAtMs ?? Number.POSITIVE_INFINITY)
    return isAgreed && one.givenAtMs <= receivedAtMs && receivedAtMs < ended && initiatedAtMs <= one.untilMs
  })
}
