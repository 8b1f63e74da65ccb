import type pg from 'pg'
import { openConsent } from '../../src/crypto/consent.ts'
import { openSettleMessage } from '../../src/crypto/settle-message.ts'
import { type TrustedKey, verifySign1 } from '../../src/crypto/sign1.ts'
import { thumbprint } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { fromHex, toHex } from '../../src/protocol/bytes.ts'
import type { Consent } from '../../src/protocol/consent.ts'
import { parseConsentWord } from '../../src/protocol/consent-word.ts'
import { CODE_TRIES_MAX } from '../../src/protocol/limits.ts'
import type { DeviceMessage } from '../../src/protocol/messages.ts'
import type { ConsentCodes } from '../codes/code.ts'
import { codeKeyOf, statedConsents } from '../registry/consents.ts'
import { loadDevices, type Registry } from '../registry/registry.ts'
import { isSignedResolution, RESOLUTION_EVIDENCE, type ResolutionEvidence } from '../settle/signed-resolution.ts'
import type { Finding } from './check.ts'

/** What the edge alone says, held against its signed messages: who a device is, and what people resolved. */
export async function checkDevices(
  client: pg.ClientBase,
  trusted: readonly TrustedKey[],
  codes: ConsentCodes,
  examplesMax: number,
  /** All when left out; `consents` are digests of those whose rows are new. */
  of?: { readonly devices: readonly string[]; readonly consents: ReadonlySet<string> },
): Promise<Finding> {
  const { rows } = await client.query<DeviceEvidence>(
    `SELECT device_id, d.facts, k.keys, c.consents, m.messages, o.codes, t.tries
     FROM (SELECT device_id, json_build_array(rev, tenant, country, owner_wallet, status, encode(kid, 'hex'), alg) AS facts
           FROM offline_devices WHERE $1::text[] IS NULL OR device_id = ANY ($1)) d
     FULL JOIN (SELECT device_id, json_agg(json_build_array(encode(kid, 'hex'), alg, encode(public_key, 'hex'), state)) AS keys
                FROM offline_device_keys WHERE $1::text[] IS NULL OR device_id = ANY ($1) GROUP BY device_id) k USING (device_id)
     FULL JOIN (SELECT device_id, json_agg(json_build_array(encode(signed, 'hex'), round(extract(epoch FROM withdrawn_at) * 1000),
                         encode(digest, 'hex'), encode(thumbprint, 'hex'), wallet, tenant, asked_by, confirmed_by, giver, by_holder,
                         round(extract(epoch FROM given_at) * 1000), round(extract(epoch FROM until_at) * 1000))) AS consents
                FROM offline_wallet_consents WHERE $1::text[] IS NULL OR device_id = ANY ($1) GROUP BY device_id) c USING (device_id)
     FULL JOIN (SELECT device_id, array_agg(message ORDER BY rev) AS messages
                FROM offline_device_messages WHERE $1::text[] IS NULL OR device_id = ANY ($1) GROUP BY device_id) m
       USING (device_id)
     FULL JOIN (SELECT device_id, json_agg(json_build_array(no, key_id, encode(thumbprint, 'hex'), wallet, tenant,
                         round(extract(epoch FROM asked_at) * 1000))) AS codes
                FROM offline_consent_codes WHERE $1::text[] IS NULL OR device_id = ANY ($1) GROUP BY device_id) o USING (device_id)
     FULL JOIN (SELECT device_id, json_agg(json_build_array(no, encode(digest, 'hex'), is_right)) AS tries
                FROM offline_consent_answers WHERE $1::text[] IS NULL OR device_id = ANY ($1) GROUP BY device_id) t
       USING (device_id)`,
    [of?.devices ?? null],
  )
  const givers = rows.flatMap(({ consents }) => (consents ?? []).flatMap(([, , , , , , , , giver]) => giver ?? []))
  const registry = givers.length === 0 ? NOBODY : await loadDevices(client, givers)
  const wrong: object[] = []
  let [found, unproven] = [0, 0]
  for (const row of rows) {
    const fault = await faultOfDevice(row, trusted, codes, registry)
    if (typeof fault === 'object') {
      // Made a moment ago by a key that is not in use: by nobody who may.
      const isNew = fault.unproven.some((digest) => of?.consents.has(digest))
      if (!isNew) unproven += fault.unproven.length
      if (!isNew) continue
    }
    if (fault === undefined) continue
    found += 1
    if (wrong.length < examplesMax) {
      wrong.push({ device_id: row.device_id, fault: typeof fault === 'object' ? 'consent_code_unproven' : fault })
    }
  }
  return {
    check: 'device_evidence',
    promise: `each device, each of its keys, each consent and each code to its holder is as the edge’s signed messages say${unproven > 0 ? ` (but for ${unproven} consents by codes of a key that is not here)` : ''}`,
    found,
    examples: wrong,
    ...(unproven > 0 && { unproven }),
  }
}

interface DeviceEvidence {
  readonly device_id: string
  readonly facts: readonly unknown[] | null
  readonly keys: readonly (readonly [kid: string, alg: number, publicKey: string, state: KeyState])[] | null
  readonly consents: readonly ConsentEvidence[] | null
  readonly messages: readonly Uint8Array[] | null
  readonly codes: readonly CodeEvidence[] | null
  readonly tries: readonly (readonly [no: number, digest: string, isRight: boolean])[] | null
}
type CodeEvidence = readonly [
  ...made: [no: number, keyId: string],
  ...asked: [thumbprint: string, wallet: string, tenant: string, askedAt: number],
]
/** Digests of consents by codes of a key that is not here: nobody can say whether they are their holders’. */
interface Unproven {
  readonly unproven: readonly string[]
}
type ConsentEvidence = readonly [
  ...signed: [signed: string, withdrawnAt: number | null],
  ...said: [digest: string, thumbprint: string, wallet: string, tenant: string, askedBy: string, confirmedBy: string],
  ...spokenBy: [giver: string | null, byHolder: boolean],
  ...times: [givenAt: number, until: number],
]
type KeyState = (typeof STRENGTHS)[number]
/** The strongest that was ever said of a key counts. */
const STRENGTHS = ['active', 'replaced', 'revoked'] as const

type DeviceFault =
  | 'no_message'
  | 'message_not_signed'
  | 'facts_differ'
  | 'key_not_stated'
  | 'key_state_differs'
  | 'consent_not_signed'
  | 'consent_differs'
  | 'consent_word_false'
  | 'consent_code_false'
  | 'code_not_asked'
  | 'try_not_made'
  | 'try_misjudged'
  | 'too_many_tries'

async function faultOfDevice(
  row: DeviceEvidence,
  trusted: readonly TrustedKey[],
  codes: ConsentCodes,
  registry: Registry,
): Promise<DeviceFault | Unproven | undefined> {
  const messages: DeviceMessage[] = []
  for (const encoded of row.messages ?? []) {
    const opened = await openSettleMessage(new Uint8Array(encoded), trusted).catch(() => undefined)
    if (!opened?.ok || opened.value.kind !== 'device' || opened.value.deviceId !== row.device_id) {
      return 'message_not_signed'
    }
    messages.push(opened.value)
  }
  const newest = messages.at(-1)
  if (newest === undefined) return 'no_message'
  if (JSON.stringify(row.facts) !== JSON.stringify(factsOf(newest))) return 'facts_differ'
  const stated = new Map<string, number>()
  for (const message of messages) {
    const isNewest = toHex(message.kid) === toHex(newest.kid)
    state(keyOf(message), isNewest ? 'active' : 'replaced')
    for (const older of message.olderKeys ?? []) state(keyOf(older), older.fate)
  }
  for (const [kid, alg, publicKey, keyState] of row.keys ?? []) {
    const strength = stated.get(JSON.stringify([kid, alg, publicKey]))
    if (strength === undefined) return 'key_not_stated'
    if (STRENGTHS[strength] !== keyState) return 'key_state_differs'
  }
  return (await faultOfCodes(row, messages, trusted, codes)) ?? faultOfConsents(row, messages, trusted, codes, registry)

  function state(key: string, said: KeyState): void {
    stated.set(key, Math.max(stated.get(key) ?? 0, STRENGTHS.indexOf(said)))
  }
}

/** Each was signed, also by the device that gave it, or carries the holder's code, says what its row says, and is withdrawn since the earliest that a message said. */
async function faultOfConsents(
  { device_id, consents, codes: asked }: DeviceEvidence,
  messages: readonly DeviceMessage[],
  trusted: readonly TrustedKey[],
  codes: ConsentCodes,
  registry: Registry,
): Promise<DeviceFault | Unproven | undefined> {
  const unproven: string[] = []
  const ends = new Map<string, number>()
  for (const { signed, withdrawnAtMs } of messages.flatMap(statedConsents)) {
    const known = ends.get(toHex(signed)) ?? Number.POSITIVE_INFINITY
    ends.set(toHex(signed), Math.min(known, withdrawnAtMs ?? Number.POSITIVE_INFINITY))
  }
  for (const [signed, withdrawnAt, digest, ...said] of consents ?? []) {
    const consent = await openConsent(fromHex(signed), trusted)
    if (consent?.deviceId !== device_id) return 'consent_not_signed'
    const { wallet, tenant, askedBy, confirmedBy, givenAtMs, untilMs, word, code } = consent
    const giver = word === undefined ? null : parseConsentWord(word).claims.deviceId
    const names = [toHex(consent.thumbprint), wallet, tenant, askedBy, confirmedBy]
    const signedSaid = [...names, giver, code !== undefined, givenAtMs, untilMs]
    if (JSON.stringify(said) !== JSON.stringify(signedSaid)) return 'consent_differs'
    if (word !== undefined && !(await isWordOfGiver(word, registry))) return 'consent_word_false'
    if (code !== undefined) {
      const keyId = (asked ?? []).find(([no]) => no === code.no)?.[1]
      // A login that says so in a row has no code: the book's processes alone can make one.
      if (keyId === undefined) return 'consent_code_false'
      if (codes.keyIds.includes(keyId)) {
        if ((await codeKeyOf(consent, codes)) !== keyId) return 'consent_code_false'
      } else if (withdrawnAt === null) unproven.push(digest)
    }
    if (ends.get(signed) !== (withdrawnAt ?? Number.POSITIVE_INFINITY)) return 'consent_differs'
  }
  return unproven.length > 0 ? { unproven } : undefined
}

/** Whoever writes these rows could use up a holder's tries, or put away the right code as a wrong one. */
async function faultOfCodes(
  { codes: asked, tries }: DeviceEvidence,
  messages: readonly DeviceMessage[],
  trusted: readonly TrustedKey[],
  codes: ConsentCodes,
): Promise<DeviceFault | undefined> {
  if (asked === null && tries === null) return undefined
  const stated = new Set<string>()
  const entered = new Map<string, Consent>()
  for (const message of messages) {
    const { alg, publicKey: bytes, ownerWallet, tenant, code } = message
    const own = toHex(await thumbprint(webCryptoSuite, { alg, bytes }))
    if (code !== undefined) stated.add(JSON.stringify([code.no, own, ownerWallet, tenant, code.askedAtMs]))
    for (const { signed } of statedConsents(message)) {
      const consent = await openConsent(signed, trusted)
      if (consent?.code !== undefined) entered.set(toHex(await webCryptoSuite.sha256(signed)), consent)
    }
  }
  const keyIds = new Map<number, string>()
  for (const [no, keyId, ...subject] of asked ?? []) {
    if (!stated.has(JSON.stringify([no, ...subject]))) return 'code_not_asked'
    keyIds.set(no, keyId)
  }
  const made = Map.groupBy(tries ?? [], ([no]) => no)
  for (const ofRequest of made.values()) {
    const right = ofRequest.filter(([, , isRight]) => isRight).length
    if (right > 1 || ofRequest.length - right > CODE_TRIES_MAX) return 'too_many_tries'
  }
  for (const [no, digest, isRight] of tries ?? []) {
    const [consent, keyId] = [entered.get(digest), keyIds.get(no)]
    if (consent?.code?.no !== no || keyId === undefined) return 'try_not_made'
    if (codes.keyIds.includes(keyId) && isRight !== ((await codeKeyOf(consent, codes)) === keyId))
      return 'try_misjudged'
  }
  return undefined
}

/** A device whose facts are not here yet is not held against it: until they are, its word gives nothing. */
async function isWordOfGiver(encoded: Uint8Array, registry: Registry): Promise<boolean> {
  const word = parseConsentWord(encoded)
  const key = registry.get(word.claims.deviceId)?.keys.get(toHex(word.claims.kid))
  return key === undefined || verifySign1(key.verifier, word, 'molam-wallet-consent-v1')
}

const NOBODY: Registry = new Map()

const keyOf = ({ kid, alg, publicKey }: Pick<DeviceMessage, 'kid' | 'alg' | 'publicKey'>) =>
  JSON.stringify([toHex(kid), alg, toHex(publicKey)])

const factsOf = ({ rev, tenant, country, ownerWallet, status, kid, alg }: DeviceMessage) => [
  ...[rev, tenant, country, ownerWallet, status, toHex(kid), alg],
]

export async function checkResolutions(
  client: pg.ClientBase,
  trusted: readonly TrustedKey[],
  examplesMax: number,
  /** All when left out. */
  deviceIds?: readonly string[],
): Promise<Finding> {
  const { rows } = await client.query<ResolutionEvidence>(
    `SELECT ${RESOLUTION_EVIDENCE} FROM offline_resolutions
     WHERE $1::text[] IS NULL OR device_id = ANY ($1)`,
    [deviceIds ?? null],
  )
  const wrong: object[] = []
  let found = 0
  for (const row of rows) {
    if (await isSignedResolution(row, trusted)) continue
    found += 1
    const { device_id, rev, counter } = row
    if (wrong.length < examplesMax) wrong.push({ device_id, rev, counter })
  }
  return {
    check: 'resolution_evidence',
    promise: 'each resolution of people is as the edge’s signed message says',
    found,
    examples: wrong,
  }
}
