import type { DayActivity } from '../../../src/protocol/activity.ts'
import { fromHex, toHex } from '../../../src/protocol/bytes.ts'
import type { CodeAnswer, CodeRequest } from '../code.ts'
import type { HeldConsent } from '../consent.ts'
import type { Device, OlderKey } from '../device.ts'
import { blob, type Columns, json, jsonAs, plain } from './columns.ts'

/** The device's row, field by field. */
export const deviceColumns: Columns<Device> = {
  deviceId: plain('device_id'),
  publicKey: blob('public_key'),
  alg: plain('alg'),
  kid: blob('kid'),
  status: plain('status'),
  country: plain('country'),
  tenant: plain('tenant'),
  ownerWallet: plain('owner_wallet'),
  ownerWalletFault: plain('owner_wallet_fault'),
  registeredAtMs: plain('registered_at'),
  factsAtMs: plain('facts_at'),
  rev: plain('rev'),
  recordedRev: plain('recorded_rev'),
  indexedRev: plain('indexed_rev'),
  rowVersion: plain('row_version'),
  head: plain('head'),
  bundleCount: plain('bundle_count'),
  counters: json('counters'),
  activity: jsonAs(
    'activity',
    (activity): [string, DayActivity][] => [...activity],
    (days) => new Map(days),
  ),
  unsynced: json('unsynced'),
  usedRequests: json('used_requests'),
  stored: json('stored'),
  policy: json('policy'),
  doneThrough: plain('done_through'),
  auditDoneThrough: plain('audit_done_through'),
  keyRev: plain('key_rev'),
  olderKeys: jsonAs(
    'older_keys',
    (keys) => keys.map(toStoredKey),
    (keys) => keys.map(fromStoredKey),
  ),
  lastCode: plain('last_code'),
  registrars: json('registrars'),
  consents: jsonAs(
    'consents',
    (consents) => consents.map(toStoredConsent),
    (consents) => consents.map(fromStoredConsent),
  ),
  consentRequest: json('consent_request'),
  withdrawnAtMs: plain('withdrawn_at'),
  codeRequest: jsonAs('code_request', toStoredCode, fromStoredCode),
  history: json('history'),
  reputation: json('reputation'),
  reputationCursor: plain('reputation_cursor'),
}

type StoredKey = Omit<OlderKey, 'kid' | 'publicKey'> & { readonly kid: string; readonly publicKey: string }

function toStoredKey(key: OlderKey): StoredKey {
  return { ...key, kid: toHex(key.kid), publicKey: toHex(key.publicKey) }
}

function fromStoredKey(key: StoredKey): OlderKey {
  return { ...key, kid: fromHex(key.kid), publicKey: fromHex(key.publicKey) }
}

interface StoredCode extends Omit<CodeRequest, 'answer'> {
  readonly answer: (Omit<CodeAnswer, 'consent'> & { readonly consent: StoredConsent }) | null
}

function toStoredCode(request: CodeRequest | null): StoredCode | null {
  if (request === null) return null
  const { answer } = request
  return { ...request, answer: answer && { ...answer, consent: toStoredConsent(answer.consent) } }
}

function fromStoredCode(request: StoredCode | null): CodeRequest | null {
  if (request === null) return null
  const { answer } = request
  return { ...request, answer: answer && { ...answer, consent: fromStoredConsent(answer.consent) } }
}

type StoredConsent = Omit<HeldConsent, 'signed' | 'thumbprint'> & {
  readonly signed: string
  readonly thumbprint: string
}

/** Fields one by one: what is stored has no others. */
function toStoredConsent({ signed, thumbprint, ...consent }: HeldConsent): StoredConsent {
  const { askedBy, confirmedBy, givenAtMs, untilMs, withdrawnAtMs, withdrawnBy, giver, refusedAtMs } = consent
  return {
    ...{ askedBy, confirmedBy, givenAtMs, untilMs, withdrawnAtMs, withdrawnBy },
    ...{ signed: toHex(signed), thumbprint: toHex(thumbprint) },
    ...(giver && { giver }),
    ...(refusedAtMs !== undefined && { refusedAtMs }),
  }
}

function fromStoredConsent({ signed, thumbprint, ...consent }: StoredConsent): HeldConsent {
  return { ...consent, signed: fromHex(signed), thumbprint: fromHex(thumbprint) }
}
