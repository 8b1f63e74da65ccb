import { timingSafeEqual } from 'node:crypto'
import { importHmacKey } from '../../src/crypto/hmac.ts'
import { toHex, utf8 } from '../../src/protocol/bytes.ts'
import { encodeCbor } from '../../src/protocol/cbor.ts'
import type { AskedCode } from '../../src/protocol/consent-code.ts'
import type { CodeKeys } from '../config.ts'

/**
 * Codes to holders: eight digits of an HMAC-SHA-256 over what the code is for. Nobody but a holder of the key can make one: neither
 * the edge, nor a login of the database, nor the device. It is stored nowhere, and the same request always has the same code, so that
 * to send it again is harmless.
 */
export interface ConsentCodes {
  /** Names the key that makes codes now. */
  readonly keyId: string
  /** With the one before it, while keys change. */
  readonly keyIds: readonly string[]
  /** @returns undefined when that key is not here */
  codeFor(subject: CodeSubject, keyId: string): Promise<string | undefined>
  /** The key by which these digits are the code; takes as long for any digits. */
  keyOf(subject: CodeSubject, digits: string): Promise<string | undefined>
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

const ID_BYTES = 8

export async function consentCodes({ key, oldKey }: CodeKeys): Promise<ConsentCodes> {
  const secrets = oldKey === undefined ? [key] : [key, oldKey]
  const keys = new Map(await Promise.all(secrets.map(named)))
  const [keyId = ''] = keys.keys()
  const make = async (key: CryptoKey, { deviceId, thumbprint, wallet, tenant, no, askedAtMs }: CodeSubject) => {
    const input = encodeCbor(['molam-consent-code-v1', deviceId, thumbprint, wallet, tenant, no, askedAtMs])
    const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, input as BufferSource))
    // Truncated as RFC 4226 §5.3 does, but from 64 bits: no code is likelier than another by more than 10^-11.
    const number = new DataView(mac.buffer).getBigUint64(0) % CODES
    return String(number).padStart(8, '0')
  }
  return {
    keyId,
    keyIds: [...keys.keys()],
    async codeFor(subject, keyId) {
      const key = keys.get(keyId)
      return key && make(key, subject)
    },
    async keyOf(subject, digits) {
      let found: string | undefined
      for (const [keyId, key] of keys) {
        const [right, said] = [utf8(await make(key, subject)), utf8(digits)]
        if (said.length === right.length && timingSafeEqual(right, said)) found ??= keyId
      }
      return found
    },
  }
}

/** A key is called by what it makes of a text of its own: that gives nothing of it away. */
async function named(secret: Uint8Array): Promise<readonly [id: string, key: CryptoKey]> {
  const key = await importHmacKey(secret)
  const mac = new Uint8Array(await crypto.subtle.sign('HMAC', key, utf8('molam-consent-code-key-v1') as BufferSource))
  return [toHex(mac.subarray(0, ID_BYTES)), key]
}
