import { type CborMap, type CborValue, encodeCbor, MalformedCbor } from './cbor.ts'
import { type Alg, HEADER_ALG, HEADER_CLAIMS, HEADER_KID, readAlgKid } from './cose.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { map } from './shape.ts'

/** Who signed what a holder says about the holder's wallet: a device of that wallet. */
export interface PayerHeader {
  readonly alg: Alg
  readonly kid: Uint8Array
  readonly deviceId: DeviceId
}

export function encodePayerHeader({ alg, kid, deviceId }: PayerHeader): Uint8Array {
  return encodeCbor(
    new Map<number, CborValue>([
      [HEADER_ALG, alg],
      [HEADER_KID, kid],
      [HEADER_CLAIMS, new Map([[1, deviceId]])],
    ]),
  )
}

/** @param what names the object in the error @throws MalformedCbor */
export function readPayerHeader(protectedHeader: CborMap, what: string): PayerHeader {
  const header = map(protectedHeader, what, [HEADER_ALG, HEADER_KID, HEADER_CLAIMS])
  const deviceId = map(header.get(HEADER_CLAIMS), `${what}.claims`, [1]).get(1)
  if (!isDeviceId(deviceId)) throw new MalformedCbor(`${what}.iss`)
  return { ...readAlgKid(header), deviceId }
}
