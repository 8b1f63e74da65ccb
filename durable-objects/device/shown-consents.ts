import { toHex } from '../../src/protocol/bytes.ts'
import { KEY_ID_BYTES } from '../../src/protocol/limits.ts'
import { type CodeRequest, type ShownCode, shownCode } from './code.ts'
import type { ConsentRequest, HeldConsent } from './consent.ts'

interface Consents {
  readonly consents: readonly HeldConsent[]
  readonly consentRequest: ConsentRequest | null
  readonly codeRequest: CodeRequest | null
}

/** What people are shown: what is asked for, and what was given, the newest first. */
export interface ShownConsents {
  readonly asked: ConsentRequest | null
  /** The device's newest request for a code to the holder. */
  readonly code: ShownCode | null
  readonly given: readonly (Omit<HeldConsent, 'signed' | 'thumbprint' | 'giver'> & { readonly kid: string })[]
}

export function shownConsents({ consents, consentRequest, codeRequest }: Consents): ShownConsents {
  const given = consents.map(({ signed: _, thumbprint, giver: __, ...rest }) => {
    return { ...rest, kid: toHex(thumbprint.subarray(0, KEY_ID_BYTES)) }
  })
  return { asked: consentRequest, code: codeRequest && shownCode(codeRequest), given: given.reverse() }
}
