import { signSign1 } from '../../src/crypto/sign1.ts'
import type { Signer } from '../../src/crypto/suite.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { toBase64url } from '../../src/protocol/bytes.ts'
import { encodeDeviceProofHeader } from '../../src/protocol/device-proof.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import type { Country } from '../../src/protocol/policy.ts'

/** Registers devices with the admin API, as an operator's tool does. */
export interface NewDevice {
  readonly deviceId: string
  readonly country: Country
  readonly ownerWallet: string
  readonly signer: Signer
}

/**
 * @param second another administrator's token: with it the two of them give consent that the device pays
 * @throws Error with the problem when the edge refuses
 */
export async function registerDevice(
  edgeUrl: string,
  token: string,
  device: NewDevice,
  second?: string,
): Promise<void> {
  const url = `${edgeUrl}/offline/devices`
  const { bytes } = device.signer.key
  const header = encodeDeviceProofHeader({
    alg: device.signer.key.alg,
    kid: await keyId(webCryptoSuite, device.signer.key),
    deviceId: deviceId(device.deviceId),
    issuedAtMs: Date.now(),
    nonce: crypto.getRandomValues(new Uint8Array(16)),
    htm: 'POST',
    htu: url,
  })
  const proof = await signSign1(device.signer, header, new Uint8Array(), 'molam-device-proof-v1')
  const answer = await fetch(url, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      device_id: device.deviceId,
      country: device.country,
      tenant: 'molam',
      owner_wallet: device.ownerWallet,
      public_key: { kty: 'EC', crv: 'P-256', x: toBase64url(bytes.slice(1, 33)), y: toBase64url(bytes.slice(33)) },
      proof: toBase64url(proof),
    }),
  })
  if (!answer.ok) throw new Error(`registering ${device.deviceId}: ${answer.status} ${await answer.text()}`)
  if (second !== undefined) await consentTo(edgeUrl, [token, second], device.deviceId)
}

/** One of the two asks, and the other one confirms. */
export async function consentTo(
  edgeUrl: string,
  [asks, confirms]: readonly [string, string],
  deviceId: string,
): Promise<void> {
  const consents = `${edgeUrl}/offline/devices/${deviceId}/consents`
  const said = async (url: string, token: string) => {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify({ reason: 'the shop was seen' }),
    })
    if (!answer.ok) throw new Error(`consent for ${deviceId}: ${answer.status} ${await answer.text()}`)
    return (await answer.json()) as { readonly asked: { readonly request: string } | null }
  }
  const { asked } = await said(consents, asks)
  await said(`${consents}/${asked?.request}/confirm`, confirms)
}
