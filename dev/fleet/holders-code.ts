import { proveDevice } from '../../src/crypto/prove-device.ts'
import type { Signer } from '../../src/crypto/suite.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { utf8 } from '../../src/protocol/bytes.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import type { Stack } from '../stack.ts'
import { type NewDevice, registerDevice } from './admin.ts'

/** How often a customer looks for the message, and then whether the book has said something. */
const EVERY_MS = 100
const LOOKS_MAX = 3_000

/**
 * Registers a customer's phone. Nobody speaks for a customer: the customer asks for a code, reads it on the telephone and enters it. Again
 * it changes nothing.
 *
 * @throws Error when it does not pay afterwards
 */
export async function registerPhone(stack: Stack, token: string, phone: NewDevice): Promise<void> {
  await registerDevice(stack.edge.url, token, phone)
  const asked = await post(stack, phone, 'code', {})
  // It pays already.
  if (asked.status === 409) return
  const no = Number(asked.body['no'])
  let came = JSON.stringify(asked)
  for (let looks = 0; looks < LOOKS_MAX; looks++) {
    const code = stack.telephones.codeFor(phone.deviceId, no)
    if (code !== undefined) {
      const { status, body } = await post(stack, phone, 'code/answer', { no, code })
      came = JSON.stringify(body)
      if (body['state'] === 'accepted') return
      if (status < 500 && body['state'] !== 'waiting') break
    }
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
  throw new Error(`the code of ${phone.deviceId}: ${came}`)
}

async function post(
  { edge }: Stack,
  { deviceId: id, signer }: { readonly deviceId: string; readonly signer: Signer },
  path: string,
  what: object,
) {
  const url = `${edge.url}/offline/consents/${path}`
  const sent = utf8(JSON.stringify(what))
  const proof = await proveDevice(signer, {
    ...{ kid: await keyId(webCryptoSuite, signer.key), deviceId: deviceId(id), issuedAtMs: Date.now() },
    ...{ nonce: crypto.getRandomValues(new Uint8Array(16)), htm: 'POST', htu: url },
    bodyDigest: await webCryptoSuite.sha256(sent),
  })
  const headers = { authorization: `Molam-Device ${proof}`, 'content-type': 'application/json' }
  const answer = await fetch(url, { method: 'POST', headers, body: new Uint8Array(sent) })
  return { status: answer.status, body: (await answer.json()) as Readonly<Record<string, unknown>> }
}
