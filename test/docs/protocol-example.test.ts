import { readFile } from 'node:fs/promises'
import { beforeAll, expect, it } from 'vitest'
import { withExample } from '../../dev/protocol-example.ts'
import { openBundle } from '../../src/crypto/bundle-crypto.ts'
import { openPass } from '../../src/crypto/pass.ts'
import { openAsEdge, verifySign1 } from '../../src/crypto/sign1.ts'
import { thumbprint } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { OfflineQRReader } from '../../src/device/qr/index.ts'
import { approvalTerms, decodeApprovalRequest, parseApproval } from '../../src/protocol/approval.ts'
import { authorizationOf, authorizationTerms, parseAuthorization } from '../../src/protocol/authorization.ts'
import { parseBundle } from '../../src/protocol/bundle.ts'
import { fromBase64url, fromHex, toHex } from '../../src/protocol/bytes.ts'
import { prevOf } from '../../src/protocol/chain.ts'
import { parseDeviceProof } from '../../src/protocol/device-proof.ts'
import { decodeNotice } from '../../src/protocol/notice.ts'
import { decodePayload } from '../../src/protocol/payload.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { decodePaymentAnswer, decodePaymentRequest } from '../../src/protocol/payment-request.ts'
import { decodeReceipt } from '../../src/protocol/receipt.ts'

/** The worked example of docs/protocol.md, as a stranger reads it: out of the document, on a crypto suite that did not make it. */
let document: string
beforeAll(async () => {
  document = await readFile(new URL('../../docs/protocol.md', import.meta.url), 'utf8')
})

/** What is printed under a name, without the line breaks of the print. */
function printed(name: string): string {
  const block = document.split(`**${name}** (`)[1]?.split('```text\n')[1]?.split('\n```')[0]
  if (block === undefined) throw new Error(`the document does not print ${name}`)
  return block.replaceAll('\n', '')
}
const bytes = (name: string) => fromHex(printed(name))
const verifier = (name: string) => webCryptoSuite.verifier({ alg: -7, bytes: bytes(name) })

it('is what the code makes', async () => {
  expect(await withExample(document)).toBe(document)
})

it('has no line that an editor would trim', () => {
  const lines = document.split('<!-- example: begin -->')[1]?.split('<!-- example: end -->')[0]?.split('\n') ?? []
  expect(lines.filter((line) => line !== line.trim())).toEqual([])
})

it('the bundle verifies, opens, and continues the chain of the first one', async () => {
  const bundle = parseBundle(bytes('Bundle'))
  expect(await verifySign1(await verifier('device public key (SEC1)'), bundle, '')).toBe(true)
  expect(toHex(bundle.claims.prev)).toBe(toHex(prevOf(bytes('digest of the first bundle'))))
  const key = await webCryptoSuite.recipientKey(bytes('recipient private key'))
  const opened = await openBundle(webCryptoSuite, async () => key, bundle)
  expect(opened.ok && opened.value.entries.map(({ counter }) => counter)).toEqual([3, 4, 5])
})

it('the answer is signed for its kind and for no other', async () => {
  const edge = await verifier('receipt public key (SEC1)')
  const trusted = [{ kid: bytes('receipt kid'), alg: -7, verifier: edge }]
  const open = async (name: string, kind: 'molam-receipt-v1' | 'molam-notice-v1') => {
    const claims = await openAsEdge(bytes(name), trusted, kind)
    return claims && toHex(claims)
  }
  expect(await open('Receipt', 'molam-receipt-v1')).toBe(printed('ReceiptClaims'))
  expect(await open('Notice', 'molam-notice-v1')).toBe(printed('NoticeClaims'))
  expect(await open('Receipt', 'molam-notice-v1')).toBeUndefined()
})

it('the outcomes could be: they are about payments of an earlier bundle, after it and before this answer', () => {
  const receipt = decodeReceipt(bytes('ReceiptClaims'))
  const { outcomes, serverTimeMs, cursor } = decodeNotice(bytes('NoticeClaims'))
  expect(receipt.seq).toBe(2)
  expect(outcomes.map(({ counter }) => counter)).toEqual([1, 2])
  expect(receipt.firstCounter).toBe(3)
  for (const { atMs } of outcomes) expect(atMs).toBeLessThan(receipt.receivedAtMs)
  expect(serverTimeMs).toBeGreaterThanOrEqual(receipt.receivedAtMs)
  // The outcomes of one confirmation.
  expect(cursor).toBe(1)
})

it('QR codes give back the bundle, whole and in parts, and the receipt', () => {
  const read = (...names: string[]) => {
    const reader = new OfflineQRReader()
    return names.map((name) => reader.add(printed(name))).at(-1)
  }
  const name = 'QR text of that bundle'
  const bundle = bytes('Bundle with relay')
  expect(read(name)).toMatchObject({ status: 'complete', bundle })
  expect(read(`${name}, part 2 of 2`, `${name}, part 1 of 2`)).toMatchObject({ status: 'complete', bundle })
  expect(read('QR text of the receipt')).toMatchObject({ status: 'complete', receipt: bytes('Receipt') })
  expect(parseBundle(bundle).claims.relay).toBe(true)
  expect(toHex(parseBundle(bundle).payload)).toBe(printed('Sealed'))
})

it('the authorization is its payer’s word for these terms, under a pass of the edge', async () => {
  const request = decodePaymentRequest(bytes('PaymentRequest'))
  const edge = { kid: bytes('receipt kid'), alg: -7, verifier: await verifier('receipt public key (SEC1)') }
  const opened = await openPass(webCryptoSuite, bytes('Pass'), [edge])
  expect(toHex(opened?.kid ?? new Uint8Array())).toBe(printed('payer kid'))
  expect(toHex(opened?.key.bytes ?? new Uint8Array())).toBe(printed('payer public key (SEC1)'))
  const parsed = parseAuthorization(bytes('Authorization'))
  expect(toHex(parsed.claims.requestId)).toBe(toHex(request.requestId))
  const terms = authorizationTerms({ ...request, sender: opened?.pass.wallet ?? '' }, request.takerId, 1)
  expect(toHex(terms)).toBe(printed('Terms'))
  const payer = await verifier('payer public key (SEC1)')
  expect(await verifySign1(payer, { ...parsed, payload: terms }, 'molam-payer-authorization-v1')).toBe(true)
  const { pass, authorization } = decodePaymentAnswer(bytes('PaymentAnswer'))
  expect([toHex(pass), toHex(authorization)]).toEqual([printed('Pass'), printed('Authorization')])
  const [paid] = decodePayload(bytes('Payload with that payment')).entries
  const signed = authorizationOf(paid as Payment, request.takerId)
  expect(toHex(signed?.payload ?? new Uint8Array())).toBe(printed('Terms'))
})

it('the approval is its agent’s word for what the request says', async () => {
  const request = decodeApprovalRequest(bytes('ApprovalRequest'))
  const parsed = parseApproval(bytes('Approval'))
  expect(toHex(approvalTerms(request, request.takerId))).toBe(printed('ApprovalTerms'))
  expect(toHex(parsed.claims.requestId)).toBe(toHex(request.requestId))
  const agent = await verifier('agent public key (SEC1)')
  const approval = { ...parsed, payload: bytes('ApprovalTerms') }
  expect(await verifySign1(agent, approval, 'molam-agent-approval-v1')).toBe(true)
  expect(await verifySign1(agent, approval, 'molam-payer-authorization-v1')).toBe(false)
})

it.each([
  ['Proof for a notice', 'device public key (SEC1)', 'GET', '/offline/notice'],
  ['proof of an enrolment', 'device public key (SEC1)', 'POST', '/offline/enrol'],
  ['Proof for another key, by the old key', 'device public key (SEC1)', 'POST', '/offline/devices/POS-001/keys'],
  ['proof for another key, by the new key', 'next device public key (SEC1)', 'POST', '/offline/devices/POS-001/keys'],
])('%s verifies, for its method and URL', async (name, key, htm, path) => {
  const proof = parseDeviceProof(fromBase64url(printed(`${name}, base64url`)))
  expect(await verifySign1(await verifier(key), proof, 'molam-device-proof-v1')).toBe(true)
  expect(proof.claims).toMatchObject({ htm, htu: `https://offline.molam.example${path}` })
})

it('the old key’s proof names the new key by its thumbprint', async () => {
  const proof = parseDeviceProof(fromBase64url(printed('Proof for another key, by the old key, base64url')))
  const next = { alg: -7, bytes: bytes('next device public key (SEC1)') } as const
  expect(proof.claims.confirms && toHex(proof.claims.confirms)).toBe(printed('next device key thumbprint'))
  expect(toHex(await thumbprint(webCryptoSuite, next))).toBe(printed('next device key thumbprint'))
})
