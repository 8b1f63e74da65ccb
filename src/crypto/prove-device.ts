import { toBase64url } from '../protocol/bytes.ts'
import { type DeviceProofHeader, encodeDeviceProofHeader } from '../protocol/device-proof.ts'
import { signSign1 } from './sign1.ts'
import type { Signer } from './suite.ts'

/** @returns the proof as requests carry it: base64url of a COSE_Sign1 with an empty payload */
export async function proveDevice(signer: Signer, claims: Omit<DeviceProofHeader, 'alg'>): Promise<string> {
  const header = encodeDeviceProofHeader({ alg: signer.key.alg, ...claims })
  return toBase64url(await signSign1(signer, header, new Uint8Array(), 'molam-device-proof-v1'))
}
