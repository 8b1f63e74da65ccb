import { signSign1 } from '../../src/crypto/sign1.ts'
import { type ClaimAnswer, encodeClaimAnswer } from '../../src/protocol/claims.ts'
import { encodePayerHeader } from '../../src/protocol/payer-header.ts'
import type { TestDevice } from './device.ts'

/** What the holder of a wallet signs about a claim, with a device of the wallet. */
export function signAnswer(payer: TestDevice, answer: ClaimAnswer): Promise<Uint8Array> {
  const header = encodePayerHeader({ alg: payer.signer.key.alg, kid: payer.kid, deviceId: payer.id })
  return signSign1(payer.signer, header, encodeClaimAnswer(answer), 'molam-claim-answer-v1')
}
