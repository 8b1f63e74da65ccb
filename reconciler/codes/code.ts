import { timingSafeEqual } from 'node:crypto'
import { importHmacKey } from '../../src/crypto/hmac.ts'
import { utf8 } from '../../src/protocol/bytes.ts'
import { encodeCbor } from '../../src/protocol/cbor.ts'
import type { AskedCode } from '../../src/protocol/consent-code.ts'

/**
 * Codes to holders: eight digits of an HMAC-SHA-256 over what the code is for. Nobody but a holder of the key can make one: neither
 * the edge, nor a login of the database, nor the device. It is stored nowhere, and the same request always has the same code, so that
 * to send it again is harmless.
 */
export interface ConsentCodes {
  codeFor(subject: CodeSubject): Promise<string>
  /** Whether these digits are it; takes as long for any. */
  isCode(subject: CodeSubject, digits: string): Promise<boolean>
}

/** What a code is for: any other key, wallet or request has another one. */
export interface CodeSubject extends AskedCode {
  readonly deviceId: string
  /** Of the device's key, 32 bytes. */
  readonly thumbprint: Uint8Array
  readonly wallet: string
  readonly tenant: string
}

const CODES = 100_000_000n

/** @param secret `CONSENT_CODE_KEY`, at least 32 bytes */
export async function consentCodes(secret: Uint8Array): Promise<ConsentCodes> {
  const key = await importHmacKey(secret)
  const codeFor = async ({ deviceId, thumbprint, wallet, tenant, no, askedAtMs }: CodeSubject) => {
    const input = encodeCbor(['molam-consent-code-v1', deviceId, thumbprint, wallet, tenant, no, askedAtMs])
    const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, input as BufferSource))
    // Truncated as RFC 4226 §5.3 does, but from 64 bits: no code is likelier than another by more than 10^-11.
    const number = new DataView(mac.buffer).getBigUint64(0) % CODES
    return String(number).padStart(8, '0')
  }
  return {
    codeFor,
    async isCode(subject, digits) {
      const [right, said] = [utf8(await codeFor(subject)), utf8(digits)]
      return said.length === right.length && timingSafeEqual(right, said)
    },
  }
}
