import { signSign1 } from '../../src/crypto/sign1.ts'
import { type AllowanceOrder, encodeAllowanceOrder } from '../../src/protocol/allowances.ts'
import { encodePayerHeader } from '../../src/protocol/payer-header.ts'
import type { TestDevice } from './device.ts'

/** What the holder of a wallet signs to have money held for this device, or to let it go. */
export function signAllowanceOrder(payer: TestDevice, order: AllowanceOrder): Promise<Uint8Array> {
  const header = encodePayerHeader({ alg: payer.signer.key.alg, kid: payer.kid, deviceId: payer.id })
  return signSign1(payer.signer, header, encodeAllowanceOrder(order), 'molam-allowance-order-v1')
}
