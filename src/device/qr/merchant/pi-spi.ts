import { fromBase64url, toBase64url } from '../../../protocol/bytes.ts'
import type { AmountMinor } from '../../../protocol/money.ts'
import type { Country } from '../../../protocol/policy.ts'
import { crc16 } from './crc16.ts'
import { writeDataObjects } from './data-objects.ts'
import type { MerchantSymbol } from './symbol.ts'

/**
 * The merchant QR code of PI-SPI, the interoperable scheme of the BCEAO, with a request of our own beside it: apps of other
 * members read the merchant and the amount, a Molam phone reads what it is to sign. Rules and vectors: "Spécifications
 * techniques du QR Code PI-SPI"; EMV QRCPS Merchant-Presented Mode 1.1.
 */
export interface PiSpiRequest {
  /** The merchant's alias, a UUID of version 4 in lower case. */
  readonly alias: string
  readonly country: Country
  /** F CFA; left out, the payer enters it. */
  readonly amount?: AmountMinor
  /** What the merchant finds the payment by, 1 to 25 characters. */
  readonly reference: string
  /** For one payment; otherwise it hangs at the counter. */
  readonly isDynamic: boolean
  /** For a Molam phone (docs/protocol.md); up to 280 bytes. */
  readonly request?: Uint8Array
}

const SCHEME = 'int.bceao.pi'
const OWN_SCHEME = 'sn.molam.offline'
const XOF = '952'
const ALIAS = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/
const REFERENCE = /^[\x20-\x7e]{1,25}$/
/** A template holds 99 characters: our scheme's name takes 20 of them, the header of the value 4. */
const CHUNK_CHARS = 75
/** Templates 80 to 84: a symbol that is read from a shaking hand has no room for more. */
const TEMPLATES = ['80', '81', '82', '83', '84'] as const

export const isPiSpiAlias = (text: string): boolean => ALIAS.test(text)

/** @throws RangeError for an alias, a reference or a request that does not fit */
export function writePiSpiSymbol({ alias, country, amount, reference, isDynamic, request }: PiSpiRequest): string {
  if (!isPiSpiAlias(alias)) throw new RangeError('the alias is a UUID of version 4 in lower case')
  if (!REFERENCE.test(reference)) throw new RangeError('the reference has 1 to 25 printable ASCII characters')
  const additional = [
    ['05', reference],
    ['11', isDynamic ? '400' : '000'],
  ] as const
  const account = [
    ['00', SCHEME],
    ['01', alias],
  ] as const
  const symbol = writeDataObjects([
    ['00', '01'],
    ['36', writeDataObjects(account)],
    ['52', '0000'],
    ['53', XOF],
    ...(amount === undefined ? [] : [['54', String(amount)] as const]),
    ['58', country],
    // The scheme looks names up by the alias, and wants nothing said here.
    ['59', 'X'],
    ['60', 'X'],
    ['62', writeDataObjects(additional)],
    ...requestObjects(request),
  ])
  return `${symbol}6304${crc16(`${symbol}6304`)}`
}

function requestObjects(request: Uint8Array | undefined): (readonly [string, string])[] {
  if (request === undefined) return []
  const text = toBase64url(request)
  const chunks = text.match(new RegExp(`.{1,${CHUNK_CHARS}}`, 'g')) ?? []
  if (chunks.length === 0 || chunks.length > TEMPLATES.length) throw new RangeError('the request does not fit')
  return chunks.map((chunk, at): readonly [string, string] => {
    const value = writeDataObjects([
      ['00', OWN_SCHEME],
      ['01', chunk],
    ])
    return [TEMPLATES[at] ?? '', value]
  })
}

/** @returns the PI-SPI alias of a symbol, if it is of that scheme */
export function piSpiAlias({ accounts }: MerchantSymbol): string | undefined {
  const alias = accounts
    .find(({ scheme }) => scheme === SCHEME)
    ?.fields.get('01')
    ?.toLowerCase()
  return alias !== undefined && isPiSpiAlias(alias) ? alias : undefined
}

/** @returns the request for a Molam phone, if the symbol carries one whole */
export function requestIn({ own }: MerchantSymbol): Uint8Array | undefined {
  const text = TEMPLATES.map((id) => own(id, OWN_SCHEME)).join('')
  try {
    return text === '' ? undefined : fromBase64url(text)
  } catch {
    return undefined
  }
}
