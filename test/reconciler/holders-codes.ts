import { consentCodes } from '../../reconciler/codes/code.ts'
import { fromBase64url, toHex } from '../../src/protocol/bytes.ts'
import { type Consent, encodeConsent } from '../../src/protocol/consent.ts'
import { type AskedCode, codeUntilMs, HOLDER } from '../../src/protocol/consent-code.ts'
import type { Database } from './open-database.ts'

/**
 * Consent for devices of customers: the holder has entered a code that the book has sent, and the device's facts say that it was asked
 * for. How a code is asked for, sent and judged has tests of its own.
 */
export async function holdersCodes(database: Partial<Pick<Database, 'owner'>>, key: string) {
  const codes = await consentCodes({ key: fromBase64url(key) })
  const asked = new Map<string, Map<string, AskedCode>>()
  const known = new Map<string, Promise<Consent>>()
  return {
    /** As the facts of the device state it. */
    newestOf: ({ id }: { readonly id: string }): AskedCode | undefined => [...(asked.get(id)?.values() ?? [])].at(-1),

    /** The same consent, as its holder's word where the wallet is a customer's now. */
    ofWhoeverMay(consent: Consent): Promise<Consent> {
      const name = toHex(encodeConsent(consent))
      const made = known.get(name) ?? make(consent)
      known.set(name, made)
      return made
    },
  }

  async function make(consent: Consent): Promise<Consent> {
    const { owner } = database
    // Around a book that is no database everybody is a shop.
    if (owner === undefined || consent.word !== undefined || consent.code !== undefined) return consent
    const { rowCount } = await owner.query(
      "SELECT FROM wallet_core.accounts WHERE wallet_id = $1 AND kind = 'customer'",
      [consent.wallet],
    )
    return rowCount === 1 ? byHolder(owner, consent) : consent
  }

  async function byHolder(owner: Database['owner'], consent: Consent): Promise<Consent> {
    const { deviceId, thumbprint, wallet, tenant, givenAtMs } = consent
    const ofDevice = asked.get(deviceId) ?? new Map<string, AskedCode>()
    asked.set(deviceId, ofDevice)
    const name = JSON.stringify([toHex(thumbprint), wallet, tenant, givenAtMs])
    const request = ofDevice.get(name) ?? { no: ofDevice.size + 1, askedAtMs: givenAtMs - 1 }
    ofDevice.set(name, request)
    const subject = { deviceId, thumbprint, wallet, tenant, ...request }
    const digits = (await codes.codeFor(subject, codes.keyId)) ?? ''
    await owner.query(
      `INSERT INTO offline_consent_codes (device_id, no, rev, thumbprint, wallet, tenant, asked_at, until_at, key_id, recorded_at,
         attempts, sent_at)
       VALUES ($1, $2, 1, $3, $4, $5, $6, $7, $8, $6, 1, $6) ON CONFLICT DO NOTHING`,
      [
        ...[deviceId, request.no, Buffer.from(thumbprint), wallet, tenant, new Date(request.askedAtMs)],
        ...[new Date(codeUntilMs(request)), codes.keyId],
      ],
    )
    return { ...consent, askedBy: `device:${deviceId}`, confirmedBy: HOLDER, code: { ...request, digits } }
  }
}
