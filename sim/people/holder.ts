import { proveDevice } from '../../src/crypto/prove-device.ts'
import { signSign1 } from '../../src/crypto/sign1.ts'
import type { Signer } from '../../src/crypto/suite.ts'
import { keyId } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import type { Fetch } from '../../src/device/sdk/index.ts'
import { type AllowanceOrder, encodeAllowanceOrder } from '../../src/protocol/allowances.ts'
import { toBase64url, utf8 } from '../../src/protocol/bytes.ts'
import { type ClaimAnswer, type ClaimChoice, encodeClaimAnswer } from '../../src/protocol/claims.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { encodeMandate, type Mandate } from '../../src/protocol/mandates.ts'
import { decodeNotice } from '../../src/protocol/notice.ts'
import { encodePayerHeader } from '../../src/protocol/payer-header.ts'
import { API_URL } from '../settings.ts'
import { provenPost } from './proven-post.ts'

/** A phone that speaks the protocol: asks what is claimed from its wallet, and signs answers. */
interface Phone {
  readonly deviceId: string
  readonly signer: Signer
}

const HOW = { redirect: 'error', credentials: 'omit', cache: 'no-store' } as const

/** @returns what is claimed from its wallet, as the edge says; undefined without an answer */
export async function askClaims(phone: Phone, fetch: Fetch, nowMs: number) {
  const url = `${API_URL}/offline/notice`
  const Authorization = await proofOf(phone, 'GET', url, nowMs)
  const headers = { Accept: 'application/cbor', Authorization, 'Molam-Cursor': '0' }
  const answer = await fetch(url, { ...HOW, method: 'GET', headers }).catch(() => undefined)
  if (answer?.status !== 200) return undefined
  return decodeNotice(parseSign1(new Uint8Array(await answer.arrayBuffer())).payload).claims ?? []
}

type About = Pick<ClaimAnswer, 'takerId' | 'counter' | 'contentHash' | 'amount'>

/** @returns `kept`, the edge's word against it, or `no answer` */
export async function answer(
  { deviceId: id, signer }: Phone,
  fetch: Fetch,
  { takerId, counter, contentHash, amount }: About,
  choice: ClaimChoice,
  nowMs: number,
): Promise<string> {
  const kid = await keyId(webCryptoSuite, signer.key)
  const header = encodePayerHeader({ alg: signer.key.alg, kid, deviceId: deviceId(id) })
  const payload = encodeClaimAnswer({ takerId, counter, contentHash, amount, choice, answeredAtMs: nowMs })
  const signed = await signSign1(signer, header, payload, 'molam-claim-answer-v1')
  return post(fetch, '/offline/claims/answer', { answer: toBase64url(signed) })
}

/** @returns `kept`, the edge's word against it, or `no answer` */
export async function giveMandate({ deviceId: id, signer }: Phone, fetch: Fetch, mandate: Mandate): Promise<string> {
  const kid = await keyId(webCryptoSuite, signer.key)
  const header = encodePayerHeader({ alg: signer.key.alg, kid, deviceId: deviceId(id) })
  const signed = await signSign1(signer, header, encodeMandate(mandate), 'molam-mandate-v1')
  return post(fetch, '/offline/mandates', { mandate: toBase64url(signed) })
}

/** @returns `kept`, the edge's word against it, or `no answer` */
export async function orderAllowance(
  { deviceId: id, signer }: Phone,
  fetch: Fetch,
  order: AllowanceOrder,
): Promise<string> {
  const kid = await keyId(webCryptoSuite, signer.key)
  const header = encodePayerHeader({ alg: signer.key.alg, kid, deviceId: deviceId(id) })
  const signed = await signSign1(signer, header, encodeAllowanceOrder(order), 'molam-allowance-order-v1')
  return post(fetch, '/offline/allowances', { order: toBase64url(signed) })
}

/** @param word of another phone @returns `kept`, the edge's word against it, or `no answer` */
export async function bringWord(
  { deviceId: id, signer }: Phone,
  fetch: Fetch,
  word: Uint8Array,
  nowMs: number,
): Promise<string> {
  const said = await provenPost({ id, signer }, fetch, '/offline/consents', { consent: toBase64url(word) }, nowMs)
  if (said === undefined) return 'no answer'
  return said.status === 200 ? 'kept' : String(said.body['code'] ?? 'refused')
}

async function proofOf({ deviceId: id, signer }: Phone, htm: 'GET', htu: string, nowMs: number) {
  const proof = await proveDevice(signer, {
    ...{ kid: await keyId(webCryptoSuite, signer.key), deviceId: deviceId(id), issuedAtMs: nowMs },
    ...{ nonce: crypto.getRandomValues(new Uint8Array(16)), htm, htu },
  })
  return `Molam-Device ${proof}`
}

async function post(fetch: Fetch, path: string, what: object): Promise<string> {
  const body = utf8(JSON.stringify(what))
  const headers = { Accept: 'application/json', 'Content-Type': 'application/json' }
  const said = await fetch(`${API_URL}${path}`, { ...HOW, method: 'POST', headers, body }).catch(() => undefined)
  if (said === undefined) return 'no answer'
  return said.status === 200 ? 'kept' : ((JSON.parse(await said.text()) as { code?: string }).code ?? 'refused')
}
