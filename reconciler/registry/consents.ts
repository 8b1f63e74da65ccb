import type pg from 'pg'
import { openConsent, type SignedConsent } from '../../src/crypto/consent.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { thumbprint } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { fromHex, toHex } from '../../src/protocol/bytes.ts'
import { type Consent, decodeConsent, type KeptConsent } from '../../src/protocol/consent.ts'
import { parseConsentWord, type SignedConsentWord } from '../../src/protocol/consent-word.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import type { DeviceMessage, StatedConsent } from '../../src/protocol/messages.ts'
import { parse } from '../../src/protocol/parse.ts'
import type { ConsentCodes } from '../codes/code.ts'

/** A consent as the book has it. */
export interface RegisteredConsent extends KeptConsent {
  /**
   * Whether the ledger names its tenant for the wallet, and the wallet is of a kind that a tenant speaks for, or it is a word of a
   * device of the wallet, or its holder's by a code.
   */
  readonly holds: boolean
  /** When the book heard that it was withdrawn, by its own clock; left out while it was not. */
  readonly withdrawalKnownAtMs?: number
  /** When it was itself withdrawn, of one that ended with its giver before; null when it was not. */
  readonly ownWithdrawnAtMs?: number | null
  /** The word of its giver is not verified yet: the facts of that device are still on their way. */
  readonly isAwaited?: true
}

/** Those that give something. What the ledger does not bear out, as a tenant's for a customer's wallet, gives nothing at all. */
export const borneOut = (consents: readonly RegisteredConsent[]): readonly RegisteredConsent[] =>
  consents.filter(({ holds }) => holds)

/** A consent as its row says it, with the word of the device that gave it. */
export interface ReadConsent {
  readonly consent: RegisteredConsent
  readonly word: SignedConsentWord | undefined
}

/** A consent that a message of the edge states, its signature verified. */
export interface VerifiedConsent extends SignedConsent {
  readonly withdrawnAtMs: number | undefined
  /** Of one by a code: the key by which it is the code. Undefined: by none that is here. */
  readonly codeKeyId: string | undefined
}

/**
 * A consent that nobody can verify keeps no other fact from being recorded, or a removed key of the edge would keep devices from
 * being suspended here.
 *
 * @returns those that the edge has signed for this device, its wallet, its tenant and a key of it
 */
export async function verifyConsents(
  message: DeviceMessage,
  trusted: readonly TrustedKey[],
  codes: ConsentCodes,
): Promise<readonly VerifiedConsent[]> {
  const { deviceId, ownerWallet, tenant } = message
  const consents = statedConsents(message)
  if (consents.length === 0) return []
  const keys = [message, ...(message.olderKeys ?? [])]
  const known = await Promise.all(
    keys.map(async ({ alg, publicKey: bytes }) => toHex(await thumbprint(webCryptoSuite, { alg, bytes }))),
  )
  const verified: VerifiedConsent[] = []
  for (const { signed, withdrawnAtMs } of consents) {
    const opened = await openConsent(signed, trusted)
    const isOwn = opened?.deviceId === deviceId && opened.wallet === ownerWallet && opened.tenant === tenant
    if (isOwn && known.includes(toHex(opened.thumbprint))) {
      verified.push({ ...opened, withdrawnAtMs, codeKeyId: await codeKeyOf(opened, codes) })
    }
  }
  return verified
}

/** With what was entered as a code and has not been judged. */
export function statedConsents({ consents = [], code }: DeviceMessage): readonly StatedConsent[] {
  return code?.answer === undefined ? consents : [...consents, { signed: code.answer }]
}

/** By which key it carries the holder's code: only a holder of that key can say. */
export async function codeKeyOf({ code, ...subject }: Consent, codes: ConsentCodes): Promise<string | undefined> {
  return code && codes.keyOf({ ...subject, ...code }, code.digits)
}

/** Any order and any number of times: the earliest withdrawal that was said counts. */
export async function keepConsents(
  client: pg.ClientBase,
  consents: readonly VerifiedConsent[],
  at: Date,
): Promise<void> {
  for (const consent of consents) {
    const { deviceId, wallet, tenant, askedBy, confirmedBy, givenAtMs, untilMs, withdrawnAtMs, signed } = consent
    await client.query(
      `INSERT INTO offline_wallet_consents AS c (device_id, digest, thumbprint, wallet, tenant, asked_by, confirmed_by,
         given_at, until_at, withdrawn_at, signed, recorded_at, giver, by_holder, withdrawal_known_at)
       VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, CASE WHEN $10::timestamptz IS NOT NULL THEN $12::timestamptz END)
       ON CONFLICT (device_id, digest) DO UPDATE
       SET withdrawn_at = excluded.withdrawn_at,
           withdrawal_known_at = greatest(excluded.withdrawal_known_at, c.withdrawal_known_at)
       WHERE excluded.withdrawn_at < coalesce(c.withdrawn_at, 'infinity')`,
      [
        ...[
          deviceId,
          Buffer.from(await webCryptoSuite.sha256(signed)),
          Buffer.from(consent.thumbprint),
          wallet,
          tenant,
        ],
        ...[askedBy, confirmedBy, new Date(givenAtMs), new Date(untilMs)],
        ...[withdrawnAtMs === undefined ? null : new Date(withdrawnAtMs), Buffer.from(signed), at],
        consent.word === undefined ? null : parseConsentWord(consent.word).claims.deviceId,
        consent.code !== undefined,
      ],
    )
  }
}

/** What `CONSENTS_OF` gives. */
export type ConsentRow = readonly [
  thumbprint: string,
  givenAt: number,
  until: number,
  withdrawnAt: number | null,
  holds: boolean,
  withdrawalKnownAt: number | null,
  /** Hex, of one that a device gave. */
  signed: string | null,
]

/** The consents of a device `d` for its wallet. Times are UTC milliseconds. */
export const CONSENTS_OF = `
  (SELECT json_agg(json_build_array(encode(c.thumbprint, 'hex'), round(extract(epoch FROM c.given_at) * 1000),
            round(extract(epoch FROM c.until_at) * 1000), round(extract(epoch FROM c.withdrawn_at) * 1000), c.holds,
            round(extract(epoch FROM c.withdrawal_known_at) * 1000),
            CASE WHEN c.giver IS NOT NULL THEN encode(c.signed, 'hex') END))
   FROM offline_consents c WHERE c.device_id = d.device_id AND c.wallet = d.owner_wallet AND c.tenant = d.tenant)`

/** @returns undefined when its row says that a device gave it, and has no word of one: it is nobody's, and `verify` finds it */
export function consentOf([
  thumbprint,
  givenAtMs,
  untilMs,
  withdrawnAtMs,
  holds,
  withdrawalKnownAtMs,
  signed,
]: ConsentRow): ReadConsent | undefined {
  const known = withdrawalKnownAtMs !== null && { withdrawalKnownAtMs }
  const consent = { thumbprint: fromHex(thumbprint), givenAtMs, untilMs, withdrawnAtMs, holds, ...known }
  if (signed === null) return { consent, word: undefined }
  const read = parse(() => wordIn(fromHex(signed)))
  if (!read.ok || read.value === undefined) return undefined
  const word = read.value
  const { deviceId, kid } = word.claims
  return { consent: { ...consent, giver: { deviceId, kid: toHex(kid), madeAtMs: word.word.madeAtMs } }, word }
}

/** @throws MalformedCbor */
function wordIn(signed: Uint8Array): SignedConsentWord | undefined {
  const { word } = decodeConsent(parseSign1(signed).payload)
  return word && parseConsentWord(word)
}
