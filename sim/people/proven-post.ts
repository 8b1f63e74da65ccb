import { proveDevice } from '../../src/crypto/prove-device.ts'
import type { Signer } from '../../src/crypto/suite.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import type { Fetch } from '../../src/device/sdk/index.ts'
import { utf8 } from '../../src/protocol/bytes.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { API_URL } from '../settings.ts'

/** A request that a device proves itself for. @returns what was answered; undefined without an answer */
export async function provenPost(
  { id, signer }: { readonly id: string; readonly signer: Signer },
  fetch: Fetch,
  path: string,
  what: object,
  nowMs: number,
): Promise<{ readonly status: number; readonly body: Readonly<Record<string, unknown>> } | undefined> {
  const url = `${API_URL}${path}`
  const body = utf8(JSON.stringify(what))
  const proof = await proveDevice(signer, {
    ...{ kid: await keyId(webCryptoSuite, signer.key), deviceId: deviceId(id), issuedAtMs: nowMs },
    ...{ nonce: crypto.getRandomValues(new Uint8Array(16)), htm: 'POST', htu: url },
    bodyDigest: await webCryptoSuite.sha256(body),
  })
  const headers = {
    ...{ Accept: 'application/json', 'Content-Type': 'application/json' },
    Authorization: `Molam-Device ${proof}`,
  }
  const how = { redirect: 'error', credentials: 'omit', cache: 'no-store' } as const
  const answer = await fetch(url, { ...how, method: 'POST', headers, body }).catch(() => undefined)
  return answer && { status: answer.status, body: JSON.parse(await answer.text()) as Record<string, unknown> }
}
