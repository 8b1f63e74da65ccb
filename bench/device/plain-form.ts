import {
  constants,
  createCipheriv,
  createDecipheriv,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
  randomUUID,
  sign,
} from 'node:crypto'
import type { PaymentTerms } from '../../src/device/sdk/index.ts'
import { SECONDS_BETWEEN_PAYMENTS } from './payments.ts'

/**
 * The form that an integrator writes without a protocol of its own: JSON, encrypted with AES-256-GCM, the key wrapped with
 * RSA-2048, ciphertext as base64 in JSON, that as base64 in the JSON of the request. It says what a bundle says of the payments
 * and of the clock, in the words of the SDK; values that a payment does not have are left out, and there is no chain.
 */
const DEVICE = 'POS-SN-000123'
const AT_MS = Date.UTC(2026, 10, 22, 9)
const PADDING = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }

/** @param recipient RSA-2048 @param signer P-256 */
export function plainForm(
  terms: readonly PaymentTerms[],
  { recipient, signer }: { readonly recipient: KeyObject; readonly signer: KeyObject },
): Buffer {
  const bundleId = randomUUID()
  const transactions = terms.map((payment, index) => ({
    // The number that makes a retry harmless: a form without counters needs one a payment.
    transaction_id: randomUUID(),
    device_id: DEVICE,
    ...payment,
    initiated_at: new Date(AT_MS + index * SECONDS_BETWEEN_PAYMENTS * 1000).toISOString(),
  }))
  const plaintext = JSON.stringify({
    bundle_id: bundleId,
    device_id: DEVICE,
    counted_at: new Date(AT_MS + 7_200_000).toISOString(),
    transactions,
  })
  const [key, iv] = [randomBytes(32), randomBytes(12)]
  const cipher = createCipheriv('aes-256-gcm', key, iv)
  const ciphertext = Buffer.concat([cipher.update(plaintext, 'utf8'), cipher.final()])
  const envelope = JSON.stringify({
    version: 1,
    algorithm: 'AES-256-GCM',
    key_algorithm: 'RSA-OAEP-256',
    key_id: '2026-11',
    wrapped_key: publicEncrypt({ key: recipient, ...PADDING }, key).toString('base64'),
    iv: iv.toString('base64'),
    tag: cipher.getAuthTag().toString('base64'),
    ciphertext: ciphertext.toString('base64'),
  })
  const body = {
    device_id: DEVICE,
    bundle_id: bundleId,
    signed_at: new Date(AT_MS).toISOString(),
    nonce: randomBytes(16).toString('base64'),
    bundle: Buffer.from(envelope).toString('base64'),
  }
  const signature = sign('sha256', Buffer.from(JSON.stringify(body)), { key: signer, dsaEncoding: 'ieee-p1363' })
  return Buffer.from(JSON.stringify({ ...body, signature: signature.toString('base64') }))
}

/** @returns how many payments are in it @throws when it is not whole */
export function openPlainForm(body: Buffer, recipient: KeyObject): number {
  const { bundle } = JSON.parse(body.toString()) as { bundle: string }
  const text = Buffer.from(bundle, 'base64').toString()
  const envelope = JSON.parse(text) as Record<'wrapped_key' | 'iv' | 'tag' | 'ciphertext', string>
  const bytes = (field: keyof typeof envelope) => Buffer.from(envelope[field], 'base64')
  const key = privateDecrypt({ key: recipient, ...PADDING }, bytes('wrapped_key'))
  const decipher = createDecipheriv('aes-256-gcm', key, bytes('iv')).setAuthTag(bytes('tag'))
  const plaintext = Buffer.concat([decipher.update(bytes('ciphertext')), decipher.final()])
  return (JSON.parse(plaintext.toString()) as { transactions: unknown[] }).transactions.length
}
