import { proveDevice } from '../../src/crypto/prove-device.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import { DEVICE_PROOF_SCHEME } from '../../src/protocol/device-proof.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { decodeNotice } from '../../src/protocol/notice.ts'
import { isValidAt, passIn } from '../../src/protocol/pass.ts'
import type { PassSource } from './payer.ts'

/** Asks the edge for a phone's pass as the SDK does, and for another one when the first is over. */
export function passesOf(edgeUrl: string): PassSource {
  const passes = new Map<string, Uint8Array>()
  return async (phone, atMs) => {
    const known = passes.get(phone.deviceId)
    const pass = passIn(known)
    if (known !== undefined && pass !== undefined && isValidAt(pass, atMs, 0)) return known
    const { signer } = phone
    const proof = await proveDevice(signer, {
      kid: await keyId(webCryptoSuite, signer.key),
      deviceId: deviceId(phone.deviceId),
      issuedAtMs: Date.now(),
      nonce: crypto.getRandomValues(new Uint8Array(16)),
      htm: 'GET',
      htu: `${edgeUrl}/offline/notice`,
    })
    const headers = { authorization: `${DEVICE_PROOF_SCHEME} ${proof}`, accept: 'application/cbor', 'molam-pass': '1' }
    const answer = await fetch(`${edgeUrl}/offline/notice`, { headers: { ...headers, 'molam-cursor': '0' } })
    if (answer.status !== 200) throw new Error(`no pass for ${phone.deviceId}: ${answer.status} ${await answer.text()}`)
    const given = decodeNotice(parseSign1(new Uint8Array(await answer.arrayBuffer())).payload).pass
    if (given === undefined) throw new Error(`no pass for ${phone.deviceId}: nobody has consented to it`)
    passes.set(phone.deviceId, given)
    return given
  }
}
