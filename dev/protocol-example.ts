import { readFile, writeFile } from 'node:fs/promises'
import { sealPayload, signBundle } from '../src/crypto/bundle-crypto.ts'
import { nobleSuite } from '../src/crypto/noble.ts'
import { signAsEdge } from '../src/crypto/sign1.ts'
import { keyId } from '../src/crypto/thumbprint.ts'
import { encodeBundleHeader, sealAad } from '../src/protocol/bundle.ts'
import { fromHex, toHex, utf8 } from '../src/protocol/bytes.ts'
import { GENESIS_PREV } from '../src/protocol/chain.ts'
import { sigStructure } from '../src/protocol/cose.ts'
import { deviceId } from '../src/protocol/ids.ts'
import { amountMinor, currency } from '../src/protocol/money.ts'
import { encodeNotice, encodePushResponse } from '../src/protocol/notice.ts'
import { encodePayload } from '../src/protocol/payload.ts'
import { encodeReceipt } from '../src/protocol/receipt.ts'

/**
 * The worked example of docs/protocol.md. Every random byte is 0x42, so anybody who follows the specification with the
 * same keys gets the same bytes, but for the ECDSA signatures, which are RFC 6979 with 32 bytes of 0x42 as extra entropy
 * (§3.6).
 *
 *   node dev/protocol-example.ts     writes the example into the document
 */
export async function protocolExample(): Promise<readonly (readonly [string, string])[]> {
  const suite = nobleSuite((length) => new Uint8Array(length).fill(0x42))
  const scalar = async (name: string) => suite.sha256(utf8(`molam protocol example: ${name}`))
  // RFC 6979 §A.2.5, so that the device's key is one that is published.
  const device = await suite.es256Signer(fromHex('c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721'))
  const recipient = await suite.es256Signer(await scalar('recipient'))
  const edge = await suite.es256Signer(await scalar('receipt'))
  const [deviceKid, recipientKid, edgeKid] = await Promise.all(
    [device, recipient, edge].map(({ key }) => keyId(suite, key)),
  )
  if (!deviceKid || !recipientKid || !edgeKid) throw new Error('three keys')

  const at = Date.UTC(2026, 0, 15, 9, 30)
  const payment = { method: 'qr', currency: currency('XOF'), sender: '+221770000001', receiver: 'M-042' } as const
  const payload = {
    currency: currency('XOF'),
    entries: [
      { ...payment, counter: 41, type: 'merchant', amount: amountMinor(2500), initiatedAtMs: at },
      { counter: 42, voided: true },
      {
        ...payment,
        counter: 43,
        type: 'merchant',
        amount: amountMinor(750),
        initiatedAtMs: at + 95_000,
        meta: { invoice: 'F-7' },
      },
    ],
  } as const
  const header = {
    alg: -7,
    kid: deviceKid,
    deviceId: deviceId('POS-001'),
    signedAtMs: at + 600_000,
    bundleId: fromHex('019bc0f27ac042424242424242424242'),
    seq: 1,
    prev: GENESIS_PREV,
    nonce: new Uint8Array(16).fill(0x42),
    relay: false,
  } as const
  const sealed = await sealPayload(suite, { kid: recipientKid, publicKey: recipient.key.bytes }, header, payload)
  const protectedBytes = encodeBundleHeader(header)
  const bundle = await signBundle(device, header, sealed)
  const digest = await suite.sha256(sealed)
  const receiptClaims = encodeReceipt({
    deviceId: header.deviceId,
    bundleId: header.bundleId,
    digest,
    seq: 1,
    receivedAtMs: at + 601_250,
    status: 'pushed',
    firstCounter: 41,
    lastCounter: 43,
    exceptions: [],
    country: 'SN',
    policyVersion: 1,
  })
  const receipt = await signAsEdge(edge, edgeKid, receiptClaims, 'molam-receipt-v1')
  const noticeClaims = encodeNotice({
    deviceId: header.deviceId,
    serverTimeMs: at + 601_300,
    outcomes: [
      { counter: 40, status: 'succeeded', atMs: at, transferId: '019bc0e4-bb00-7042-8242-424242424242' },
      { counter: 39, status: 'failed', atMs: at, reason: 'insufficient_funds' },
    ],
    cursor: 7,
  })
  const notice = await signAsEdge(edge, edgeKid, noticeClaims, 'molam-notice-v1')
  const hex = (bytes: Uint8Array) => toHex(bytes)
  return [
    ['device private key', 'c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721'],
    ['device public key (SEC1)', hex(device.key.bytes)],
    ['device kid', hex(deviceKid)],
    ['recipient private key', hex(await scalar('recipient'))],
    ['recipient public key (SEC1)', hex(recipient.key.bytes)],
    ['recipient kid', hex(recipientKid)],
    ['receipt private key', hex(await scalar('receipt'))],
    ['receipt public key (SEC1)', hex(edge.key.bytes)],
    ['receipt kid', hex(edgeKid)],
    ['BundlePayload (before sealing)', hex(encodePayload(payload))],
    ['HPKE aad', hex(sealAad(header))],
    ['Sealed', hex(sealed)],
    ['digest', hex(digest)],
    ['BundleHeader (protected)', hex(protectedBytes)],
    ['Sig_structure', hex(sigStructure(protectedBytes, sealed, ''))],
    ['Bundle', hex(bundle)],
    ['ReceiptClaims', hex(receiptClaims)],
    ['Receipt', hex(receipt)],
    ['NoticeClaims', hex(noticeClaims)],
    ['Notice', hex(notice)],
    ['PushResponse', hex(encodePushResponse(receipt, notice))],
  ]
}

const [START, END] = ['<!-- example: begin -->', '<!-- example: end -->']

/** The document with the example in its place. */
export async function withExample(document: string): Promise<string> {
  const [before, rest] = document.split(START)
  const after = rest?.split(END)[1]
  if (before === undefined || after === undefined) throw new Error(`the document has no ${START} … ${END}`)
  const blocks = (await protocolExample()).map(([name, value]) => {
    const lines = value.match(/.{1,96}/g) ?? []
    return `**${name}** (${value.length / 2} bytes)\n\n\`\`\`text\n${lines.join('\n')}\n\`\`\``
  })
  return `${before}${START}\n${blocks.join('\n\n')}\n${END}${after}`
}

if (process.argv[1] === import.meta.filename) {
  const file = new URL('../docs/protocol.md', import.meta.url)
  await writeFile(file, await withExample(await readFile(file, 'utf8')))
}
