import { signSign1 } from '../../src/crypto/sign1.ts'
import { encodeMandate, type Mandate } from '../../src/protocol/mandates.ts'
import { encodePayerHeader } from '../../src/protocol/payer-header.ts'
import type { TestDevice } from './device.ts'

/** What the holder of a wallet signs once about small debits to come, with a device of the wallet. */
export function signMandate(payer: TestDevice, mandate: Mandate): Promise<Uint8Array> {
  const header = encodePayerHeader({ alg: payer.signer.key.alg, kid: payer.kid, deviceId: payer.id })
  return signSign1(payer.signer, header, encodeMandate(mandate), 'molam-mandate-v1')
}
