import { readFile, writeFile } from 'node:fs/promises'
import { sealPayload, signBundle } from '../src/crypto/bundle-crypto.ts'
import { compressKey } from '../src/crypto/compressed-key.ts'
import { nobleSuite } from '../src/crypto/noble.ts'
import { proveDevice } from '../src/crypto/prove-device.ts'
import { signAsEdge, signDetached, signSign1 } from '../src/crypto/sign1.ts'
import type { Signer } from '../src/crypto/suite.ts'
import { keyId, thumbprint } from '../src/crypto/thumbprint.ts'
import { generateOfflineQR } from '../src/device/qr/generate.ts'
import { encodePart, idOf } from '../src/device/qr/part.ts'
import { approvalTerms, encodeApprovalHeader, encodeApprovalRequest } from '../src/protocol/approval.ts'
import { authorizationTerms, encodeAuthorizationHeader } from '../src/protocol/authorization.ts'
import { type BundleHeader, encodeBundleHeader, sealAad } from '../src/protocol/bundle.ts'
import { fromHex, toBase64url, toHex, utf8 } from '../src/protocol/bytes.ts'
import { GENESIS_PREV, prevOf } from '../src/protocol/chain.ts'
import { encodeClaimAnswer } from '../src/protocol/claims.ts'
import { sigStructure } from '../src/protocol/cose.ts'
import { deviceId, newUlid } from '../src/protocol/ids.ts'
import { NONCE_BYTES } from '../src/protocol/limits.ts'
import { amountMinor, currency } from '../src/protocol/money.ts'
import { encodeNotice, encodePushResponse } from '../src/protocol/notice.ts'
import { encodePass } from '../src/protocol/pass.ts'
import { encodePayerHeader } from '../src/protocol/payer-header.ts'
import { type BundlePayload, encodePayload } from '../src/protocol/payload.ts'
import { encodePaymentAnswer, encodePaymentRequest } from '../src/protocol/payment-request.ts'
import { encodeReceipt } from '../src/protocol/receipt.ts'

/**
 * The worked example of docs/protocol.md. Every random byte is 0x42, so anybody who follows the specification with the
 * same keys gets the same bytes, but for the ECDSA signatures, which are RFC 6979 with 32 bytes of 0x42 as extra entropy
 * (RFC 6979 §3.6).
 *
 *   npm run docs:example     writes the example into the document
 */

/** Bytes, or the text of a header or a QR symbol. */
export type Part = readonly [name: string, value: Uint8Array | string]

const random = (length: number) => new Uint8Array(length).fill(0x42)
const suite = nobleSuite(random)
const ORIGIN = 'https://offline.molam.example'

/** The first bundle's payments were taken here; the second one's an hour later. */
const FIRST_AT_MS = Date.UTC(2026, 0, 15, 8, 30)
const AT_MS = Date.UTC(2026, 0, 15, 9, 30)

const COMMON = {
  method: 'qr',
  type: 'merchant',
  currency: currency('XOF'),
  sender: '+221770000001',
  receiver: 'M-042',
} as const
const FIRST: BundlePayload = {
  currency: COMMON.currency,
  entries: [
    { ...COMMON, counter: 1, amount: amountMinor(1200), initiatedAtMs: FIRST_AT_MS },
    { ...COMMON, counter: 2, amount: amountMinor(900), initiatedAtMs: FIRST_AT_MS + 40_000 },
  ],
}
const SECOND: BundlePayload = {
  currency: COMMON.currency,
  entries: [
    { ...COMMON, counter: 3, amount: amountMinor(2500), initiatedAtMs: AT_MS },
    { counter: 4, voided: true },
    { ...COMMON, counter: 5, amount: amountMinor(750), initiatedAtMs: AT_MS + 95_000, meta: { invoice: 'F-7' } },
  ],
}

async function keyPair(name: string, privateKey?: Uint8Array) {
  const scalar = privateKey ?? (await suite.sha256(utf8(`molam protocol example: ${name}`)))
  const signer = await suite.es256Signer(scalar)
  return { scalar, signer, kid: await keyId(suite, signer.key), publicKey: signer.key.bytes }
}

export async function protocolExample(): Promise<readonly Part[]> {
  // RFC 6979 §A.2.5, so that the device's key is a published one.
  const published = fromHex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721')
  const device = await keyPair('device', published)
  const [recipient, edge] = [await keyPair('recipient'), await keyPair('receipt')]
  const place = (atMs: number, seq: number, prev: Uint8Array): BundleHeader => ({
    alg: -7,
    kid: device.kid,
    deviceId: deviceId('POS-001'),
    signedAtMs: atMs + 600_000,
    bundleId: newUlid(atMs + 590_000, random),
    seq,
    prev,
    nonce: random(NONCE_BYTES),
    relay: false,
  })
  const seal = (header: BundleHeader, payload: BundlePayload) => sealPayload(suite, recipient, header, payload)
  const firstHeader = place(FIRST_AT_MS, 1, GENESIS_PREV)
  const firstDigest = await suite.sha256(await seal(firstHeader, FIRST))

  const header = place(AT_MS, 2, prevOf(firstDigest))
  const sealed = await seal(header, SECOND)
  const digest = await suite.sha256(sealed)
  const protectedBytes = encodeBundleHeader(header)
  const receiptClaims = encodeReceipt({
    deviceId: header.deviceId,
    bundleId: header.bundleId,
    digest,
    seq: header.seq,
    receivedAtMs: AT_MS + 601_250,
    status: 'claimed',
    firstCounter: 3,
    lastCounter: 5,
    // Nobody has signed them: their payer is asked.
    exceptions: [
      { counter: 3, decision: 'claimed' },
      { counter: 5, decision: 'claimed' },
    ],
    country: 'SN',
    policyVersion: 1,
  })
  const receipt = await signAsEdge(edge.signer, edge.kid, receiptClaims, 'molam-receipt-v1')
  const settledAtMs = FIRST_AT_MS + 602_000
  const noticeClaims = encodeNotice({
    deviceId: header.deviceId,
    serverTimeMs: AT_MS + 601_300,
    outcomes: [
      { counter: 1, status: 'succeeded', atMs: settledAtMs, transferId: '019bc0bd-1d50-7042-8242-424242424242' },
      { counter: 2, status: 'failed', atMs: settledAtMs, reason: 'insufficient_funds' },
    ],
    cursor: 1,
  })
  const notice = await signAsEdge(edge.signer, edge.kid, noticeClaims, 'molam-notice-v1')
  return [
    ['device private key', device.scalar],
    ['device public key (SEC1)', device.publicKey],
    ['device kid', device.kid],
    ['recipient private key', recipient.scalar],
    ['recipient public key (SEC1)', recipient.publicKey],
    ['recipient kid', recipient.kid],
    ['receipt private key', edge.scalar],
    ['receipt public key (SEC1)', edge.publicKey],
    ['receipt kid', edge.kid],
    ['bundle_id of the first bundle', firstHeader.bundleId],
    ['BundlePayload of the first bundle', encodePayload(FIRST)],
    ['digest of the first bundle', firstDigest],
    ['BundlePayload (before sealing)', encodePayload(SECOND)],
    ['HPKE aad', sealAad(header)],
    ['Sealed', sealed],
    ['digest', digest],
    ['BundleHeader (protected)', protectedBytes],
    ['Sig_structure', sigStructure(protectedBytes, sealed, '')],
    ['Bundle', await signBundle(device.signer, header, sealed)],
    ['ReceiptClaims', receiptClaims],
    ['Receipt', receipt],
    ['NoticeClaims', noticeClaims],
    ['Notice', notice],
    ['PushResponse', encodePushResponse(receipt, notice)],
    ...carried(await signBundle(device.signer, { ...header, relay: true }, sealed), receipt),
    ...(await authorization(edge)),
    ...(await approval()),
    ...(await proofs(device)),
  ]
}

/** The second bundle for a carrier, and the receipt that goes back. */
function carried(bundle: Uint8Array, receipt: Uint8Array): readonly Part[] {
  const half = Math.floor(bundle.length / 2)
  const [id, count] = [idOf(bundle), 2]
  const part = (index: number, chunk: Uint8Array) => encodePart({ kind: 'bundle', index, count, id, chunk })
  return [
    ['Bundle with relay', bundle],
    ['QR text of that bundle', generateOfflineQR(bundle).parts[0]],
    ['QR text of that bundle, part 1 of 2', part(1, bundle.slice(0, half))],
    ['QR text of that bundle, part 2 of 2', part(2, bundle.slice(half))],
    ['QR text of the receipt', generateOfflineQR(receipt, { carries: 'receipt' }).parts[0]],
  ]
}

/** A customer's phone signs the terms of a payment of 25 000 F CFA, and confirms payment 3, which it was asked about. */
async function authorization(edge: { readonly signer: Signer; readonly kid: Uint8Array }): Promise<readonly Part[]> {
  const payer = await keyPair('payer')
  const contentHash = await suite.sha256(utf8('molam protocol example: all that payment 3 says'))
  const answer = encodeClaimAnswer({
    ...{ takerId: deviceId('POS-001'), counter: 3, contentHash, amount: amountMinor(2500) },
    ...{ choice: 'confirm', answeredAtMs: AT_MS + 700_000 },
  })
  const answerHeader = encodePayerHeader({ alg: -7, kid: payer.kid, deviceId: deviceId('PHONE-7') })
  const pass = encodePass({
    ...{ wallet: COMMON.sender, deviceId: deviceId('PHONE-7'), key: compressKey(payer.signer.key) ?? new Uint8Array() },
    ...{ fromMs: AT_MS - 3_600_000, untilMs: AT_MS + 6 * 86_400_000, currency: COMMON.currency, level: 'none' },
    ...{ paymentMax: amountMinor(200_000), allowance: { no: 1, ceiling: amountMinor(50_000) } },
  })
  const takerId = deviceId('POS-001')
  const asked = { ...COMMON, amount: amountMinor(25_000), takerId, requestId: random(NONCE_BYTES) }
  const terms = authorizationTerms(asked, takerId, 1)
  const covered = { n: 1, spent: amountMinor(25_000) }
  const header = encodeAuthorizationHeader({ alg: -7, signedAtMs: AT_MS, requestId: asked.requestId, covered })
  const signedPass = await signAsEdge(edge.signer, edge.kid, pass, 'molam-payer-pass-v1')
  const authorization = await signDetached(payer.signer, header, terms, 'molam-payer-authorization-v1')
  const paid = { ...COMMON, counter: 4, amount: asked.amount, initiatedAtMs: AT_MS, authorization, pass: signedPass }
  return [
    ['payer private key', payer.scalar],
    ['payer public key (SEC1)', payer.publicKey],
    ['payer kid', payer.kid],
    ['Pass (payload)', pass],
    ['Pass', signedPass],
    ['PaymentRequest', encodePaymentRequest(asked)],
    ['Terms', terms],
    ['AuthorizationHeader (protected)', header],
    ['Authorization', authorization],
    ['PaymentAnswer', encodePaymentAnswer({ pass: signedPass, authorization })],
    ['Payload with that payment', encodePayload({ currency: COMMON.currency, entries: [paid] })],
    ['ClaimAnswerHeader (protected)', answerHeader],
    ['Answer', answer],
    ['ClaimAnswer', await signSign1(payer.signer, answerHeader, answer, 'molam-claim-answer-v1')],
  ]
}

/** An agent's phone approves a payment of 60 000 F CFA that the device has asked it about. */
async function approval(): Promise<readonly Part[]> {
  const agent = await keyPair('agent')
  const takerId = deviceId('POS-001')
  const asked = { ...COMMON, amount: amountMinor(60_000), takerId, requestId: random(NONCE_BYTES) }
  const [request, terms] = [encodeApprovalRequest(asked), approvalTerms(asked, takerId)]
  const signed = { deviceId: deviceId('AGT-009'), signedAtMs: AT_MS, requestId: asked.requestId }
  const header = encodeApprovalHeader({ alg: -7, kid: agent.kid, ...signed })
  return [
    ['agent private key', agent.scalar],
    ['agent public key (SEC1)', agent.publicKey],
    ['agent kid', agent.kid],
    ['ApprovalRequest', request],
    ['ApprovalTerms', terms],
    ['ApprovalHeader (protected)', header],
    ['Approval', await signDetached(agent.signer, header, terms, 'molam-agent-approval-v1')],
  ]
}

/** A request for a notice, an enrolment, and a change of the device's key. */
async function proofs(device: { readonly signer: Signer; readonly kid: Uint8Array }): Promise<readonly Part[]> {
  const next = await keyPair('next device key')
  const claims = { deviceId: deviceId('POS-001'), issuedAtMs: AT_MS + 600_000, nonce: random(NONCE_BYTES) }
  const prove = (
    by: typeof device,
    htm: string,
    path: string,
    over: { confirms?: Uint8Array; bodyDigest?: Uint8Array } = {},
  ) => proveDevice(by.signer, { ...claims, kid: by.kid, htm, htu: ORIGIN + path, ...over })
  const keysPath = '/offline/devices/POS-001/keys'
  const confirms = await thumbprint(suite, next.signer.key)
  const byNext = await prove(next, 'POST', keysPath)
  const point = next.publicKey.slice(1)
  const publicKey = { kty: 'EC', crv: 'P-256', x: toBase64url(point.slice(0, 32)), y: toBase64url(point.slice(32)) }
  const body = utf8(JSON.stringify({ public_key: publicKey, proof: byNext, old_key: 'retire' }))
  const bodyDigest = await suite.sha256(body)
  return [
    ['Proof for a notice, base64url', await prove(device, 'GET', '/offline/notice')],
    ['proof of an enrolment, base64url', await prove(device, 'POST', '/offline/enrol')],
    ['next device private key', next.scalar],
    ['next device public key (SEC1)', next.publicKey],
    ['next device key thumbprint', confirms],
    [
      'Proof for another key, by the old key, base64url',
      await prove(device, 'POST', keysPath, { confirms, bodyDigest }),
    ],
    ['proof for another key, by the new key, base64url', byNext],
    ['body of that request', body],
  ]
}

const [START, END] = ['<!-- example: begin -->', '<!-- example: end -->']

/** The document with the example in its place. */
export async function withExample(document: string): Promise<string> {
  const [before, rest] = document.split(START)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`the document has no ${START} … ${END}`)
  const blocks = (await protocolExample()).map(([name, value]) => {
    const [text, size] =
      typeof value === 'string' ? [value, `${value.length} characters`] : [toHex(value), `${value.length} bytes`]
    return `**${name}** (${size})\n\n\`\`\`text\n${(text.match(/.{1,96}/g) ?? []).join('\n')}\n\`\`\``
  })
  return `${before}${START}\n${blocks.join('\n\n')}\n${END}${after}`
}

if (process.argv[1] === import.meta.filename) {
  const file = new URL('../docs/protocol.md', import.meta.url)
  await writeFile(file, await withExample(await readFile(file, 'utf8')))
}
