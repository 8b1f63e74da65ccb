import { err, ok, type Result } from '../../../protocol/result.ts'
import { crc16 } from './crc16.ts'
import { type DataObjects, readDataObjects } from './data-objects.ts'

/** What an EMV merchant-presented QR code says, of whatever scheme. Nothing of it is signed. */
export interface MerchantSymbol {
  /** Who sees to the payment: the schemes' global ids, as `int.bceao.pi`, and the account there. */
  readonly accounts: readonly MerchantAccount[]
  /** ISO 4217 numeric, three digits. */
  readonly currency: string
  /** As it stands there, decimals with a point; undefined: the payer enters it. */
  readonly amount: string | undefined
  /** ISO 3166-1 alpha-2. */
  readonly country: string
  readonly merchantName: string | undefined
  readonly reference: string | undefined
  /** What a scheme has put into one of the templates that are left to schemes (80 to 99); empty when it has put nothing there. */
  readonly own: (template: string, scheme: string) => string
}

export interface MerchantAccount {
  readonly scheme: string
  readonly fields: DataObjects
}

/**
 * - `not_merchant`: not an EMV merchant QR code
 * - `damaged`: the checksum does not fit, so it was read wrong or altered
 */
export type MerchantFault = 'not_merchant' | 'damaged'

const FORMAT = '000201'
const CRC = /6304([0-9A-F]{4})$/

/** Never throws: a camera reads anything. */
export function readMerchantSymbol(text: string): Result<MerchantSymbol, MerchantFault> {
  if (!text.startsWith(FORMAT)) return err('not_merchant')
  const [, crc] = CRC.exec(text) ?? []
  if (crc === undefined || crc !== crc16(text.slice(0, -4))) return err('damaged')
  const objects = readDataObjects(text)
  if (!objects.ok) return err('damaged')
  const value = (id: string) => objects.value.get(id)
  const [currency, country] = [value('53'), value('58')]
  const accounts = accountsOf(objects.value)
  const additional = readDataObjects(value('62') ?? '')
  if (!/^\d{3}$/.test(currency ?? '') || country === undefined || accounts.length === 0 || !additional.ok)
    return err('damaged')
  return ok({
    ...{ accounts, currency: currency ?? '', amount: value('54'), country, merchantName: value('59') },
    reference: additional.value.get('05'),
    own: (template, scheme) => {
      const fields = readDataObjects(objects.value.get(template) ?? '')
      return fields.ok && fields.value.get('00') === scheme ? (fields.value.get('01') ?? '') : ''
    },
  })
}

/** Templates 26 to 51; what cards have in 02 to 25 names no scheme that we know. */
function accountsOf(objects: DataObjects): readonly MerchantAccount[] {
  return [...objects].flatMap(([id, value]) => {
    if (id < '26' || id > '51')
      return id >= '02' && id < '26' ? [{ scheme: 'card', fields: new Map([[id, value]]) }] : []
    const fields = readDataObjects(value)
    const scheme = fields.ok ? fields.value.get('00') : undefined
    return fields.ok && scheme !== undefined ? [{ scheme, fields: fields.value }] : []
  })
}
