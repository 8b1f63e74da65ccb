import { createExecutionContext, env, runInDurableObject, SELF, waitOnExecutionContext } from 'cloudflare:test'
import { importJWK, SignJWT } from 'jose'
import { expect } from 'vitest'
import { fieldsOf } from '../../durable-objects/device/sql/columns.ts'
import { deviceColumns } from '../../durable-objects/device/sql/device-row.ts'
import { signConsent } from '../../src/crypto/consent.ts'
import { type SignedVersion, signPolicyVersion } from '../../src/crypto/policy-version.ts'
import { openAsEdge } from '../../src/crypto/sign1.ts'
import { thumbprint } from '../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { app } from '../../src/edge/app.ts'
import { configOf } from '../../src/edge/config.ts'
import { forgetPolicies } from '../../src/edge/ingest/policy-cache.ts'
import { sendWaiting } from '../../src/edge/ingest/settle-sender.ts'
import { changed, type PolicyChanges } from '../../src/edge/policies/change.ts'
import { readNewest, versionInsert } from '../../src/edge/store/policies.ts'
import { BUNDLE_MEDIA_TYPE } from '../../src/protocol/bundle.ts'
import { decodeKeySet, type KeySet } from '../../src/protocol/keyset.ts'
import { decodeNotice, decodePushResponse, type Notice } from '../../src/protocol/notice.ts'
import type { Country } from '../../src/protocol/policy.ts'
import type { Problem, ProblemCode } from '../../src/protocol/problems.ts'
import { decodeReceipt, type Receipt } from '../../src/protocol/receipt.ts'
import { DAY_MS } from '../../src/protocol/time.ts'
import { signPassesWith } from '../kit/authorization.ts'
import { TestDevice } from '../kit/device.ts'
import type { TestBindings } from '../vitest.workerd.config.ts'

/** Talks to the Worker in workerd as devices and people do, through its routes. */
export const bindings = env as typeof env & TestBindings
export { SELF }
export const ORIGIN = 'https://edge.test'

export async function token(roles: readonly string[], over: Record<string, unknown> = {}): Promise<string> {
  const key = await importJWK(JSON.parse(bindings.TEST_ISSUER_KEY), 'ES256')
  return new SignJWT({ roles, ...over })
    .setProtectedHeader({ alg: 'ES256', kid: 'test' })
    .setSubject('ops-1')
    .setIssuer(bindings.OIDC_ISSUER)
    .setAudience(bindings.OIDC_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime('5m')
    .sign(key)
}

export async function asPerson(method: string, path: string, body?: unknown, roles = ['pay_admin']): Promise<Response> {
  const headers = { authorization: `Bearer ${await token(roles)}`, 'content-type': 'application/json' }
  return SELF.fetch(ORIGIN + path, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) })
}

export async function registration(device: TestDevice, over: Record<string, unknown> = {}) {
  return {
    device_id: device.id,
    country: 'SN',
    tenant: 'molam',
    owner_wallet: device.ownerWallet,
    public_key: device.jwk(),
    proof: await device.proof('POST', `${ORIGIN}/offline/devices`),
    ...over,
  }
}

export async function registered(over: Record<string, unknown> = {}): Promise<TestDevice> {
  const device = await TestDevice.create()
  const response = await asPerson('POST', '/offline/devices', await registration(device, over))
  if (response.status !== 201) throw new Error(`registration: ${response.status} ${await response.text()}`)
  await consentTo(device)
  return device
}

/** As if two people had given consent long ago: what tests count of a device begins after it. */
export async function consentTo(device: TestDevice): Promise<void> {
  const stub = bindings.DEVICE.get(bindings.DEVICE.idFromName(device.id))
  const { tenant, ownerWallet: wallet } = accepted(await stub.identity())
  const consent = {
    ...{ wallet, deviceId: device.id, tenant, askedBy: 'user:ask', confirmedBy: 'user:confirm' },
    ...{ givenAtMs: device.consentedAtMs, untilMs: device.consentedAtMs + 300 * DAY_MS },
    thumbprint: await thumbprint(webCryptoSuite, device.signer.key),
  }
  const { signed } = await signConsent(consent, await configOf(bindings).keys())
  const held = { ...consent, signed, withdrawnAtMs: null, withdrawnBy: null }
  await runInDurableObject(stub, (_, { storage }) => {
    storage.sql.exec('UPDATE device SET consents = ?', ...CONSENTS.encode({ consents: [held] }))
  })
}

const CONSENTS = fieldsOf(deviceColumns, ['consents'])

function accepted<T>(answer: { ok: true; value: T } | { ok: false; error: unknown }): T {
  if (!answer.ok) throw new Error(`refused: ${answer.error}`)
  return answer.value
}

export async function keySet(): Promise<KeySet> {
  signPassesWith(await configOf(bindings).keys())
  const response = await SELF.fetch(`${ORIGIN}/offline/keys`, { headers: { accept: 'application/cbor' } })
  return decodeKeySet(await response.bytes())
}

/** @returns when what the push owes the reconciler has been sent too */
export async function push(body: BodyInit | Uint8Array, headers: Record<string, string> = {}): Promise<Response> {
  const response = await SELF.fetch(`${ORIGIN}/offline/push`, pushInit(body, headers))
  await sendWaiting()
  return response
}

export const pushInit = (body: BodyInit | Uint8Array, headers: Record<string, string> = {}) => ({
  method: 'POST',
  headers: { 'content-type': BUNDLE_MEDIA_TYPE, accept: 'application/cbor', 'molam-cursor': '0', ...headers },
  body: body as BodyInit,
})

/** The Worker with other settings or bindings than the test runtime's own. */
export async function fetchWith(over: Partial<typeof bindings>, path: string, init: RequestInit): Promise<Response> {
  const context = createExecutionContext()
  const response = await app.fetch(new Request(ORIGIN + path, init), { ...bindings, ...over }, context)
  await waitOnExecutionContext(context)
  return response
}

/** A push that must be answered with a receipt; both parts verified as a device does. */
export async function pushed(
  body: Uint8Array,
  headers: Record<string, string> = {},
): Promise<{ receipt: Receipt; receiptBytes: Uint8Array; notice: Notice }> {
  return receiptOf(await push(body, headers))
}

export async function receiptOf(
  response: Response,
): Promise<{ receipt: Receipt; receiptBytes: Uint8Array; notice: Notice }> {
  if (response.status !== 200) throw new Error(`push: ${response.status} ${await response.text()}`)
  const parts = decodePushResponse(await response.bytes())
  const receipt = await verified(parts.receipt, 'molam-receipt-v1')
  const notice = await verified(parts.notice, 'molam-notice-v1')
  return { receipt: decodeReceipt(receipt), receiptBytes: parts.receipt, notice: decodeNotice(notice) }
}

export async function verified(signed: Uint8Array, kind: 'molam-receipt-v1' | 'molam-notice-v1'): Promise<Uint8Array> {
  const keys = (await keySet()).keys.filter(({ use }) => use === 'receipt')
  const trusted = await Promise.all(
    keys.map(async ({ kid, publicKey }) => ({
      kid,
      alg: -7,
      verifier: await webCryptoSuite.verifier({ alg: -7, bytes: publicKey }),
    })),
  )
  const payload = await openAsEdge(signed, trusted, kind)
  if (payload === undefined) throw new Error('signature of the edge does not hold')
  return payload
}

/**
 * docs/protocol.md §7.1 once more, as a device vendor reads it; the server's own table cannot vouch for itself.
 * Status, what the request did to money, what the device does next.
 */
const UNCHANGED = 'unchanged_by_this_request'
const REFUSALS: Partial<Record<ProblemCode, readonly [status: number, money: string, next: string]>> = {
  bundle_too_large: [413, UNCHANGED, 'stop'],
  unsupported_media_type: [415, UNCHANGED, 'stop'],
  malformed_bundle: [400, UNCHANGED, 'stop'],
  unsupported_version: [400, UNCHANGED, 'stop'],
  invalid_signature: [401, UNCHANGED, 'stop'],
  device_suspended: [403, UNCHANGED, 'stop'],
  device_revoked: [403, UNCHANGED, 'stop'],
  rate_limited: [429, UNCHANGED, 'retry'],
  clock_skew: [422, UNCHANGED, 'resign'],
  unknown_recipient_key: [422, UNCHANGED, 'rebuild'],
  undecryptable: [422, UNCHANGED, 'rebuild'],
  invalid_payload: [422, UNCHANGED, 'stop'],
  bundle_conflict: [409, UNCHANGED, 'stop'],
  nonce_replayed: [409, UNCHANGED, 'resign'],
  chain_fork: [409, UNCHANGED, 'stop'],
  counters_missing: [409, UNCHANGED, 'stop'],
  too_far_ahead: [409, UNCHANGED, 'stop'],
  temporarily_unavailable: [503, 'unknown', 'retry'],
  invalid_request: [400, UNCHANGED, 'stop'],
  unauthorized: [401, UNCHANGED, 'stop'],
  forbidden: [403, UNCHANGED, 'stop'],
  not_found: [404, UNCHANGED, 'stop'],
  device_exists: [409, UNCHANGED, 'stop'],
  weak_key: [422, UNCHANGED, 'stop'],
  key_not_proven: [422, UNCHANGED, 'stop'],
  consent_required: [403, UNCHANGED, 'stop'],
  mandate_above_policy: [422, UNCHANGED, 'stop'],
  allowance_above_policy: [422, UNCHANGED, 'stop'],
  state_conflict: [409, UNCHANGED, 'stop'],
}

/** Asserts that an answer is this refusal, whole: status, media type, code, money, next; and that it shows no wallet. */
export async function expectRefusal(response: Response, code: ProblemCode, what = code as string): Promise<Problem> {
  const text = await response.text()
  const [status, money, next] = REFUSALS[code] ?? []
  expect(`${response.status} ${text}`, what).toContain(`"code":"${code}"`)
  const body = JSON.parse(text) as Problem
  expect(body, what).toMatchObject({ type: `urn:molam:problem:${code}`, status, money, next })
  expect(response.status, what).toBe(status)
  expect(response.headers.get('content-type'), what).toBe('application/problem+json')
  expect(response.headers.get('cache-control'), what).toBe('no-store')
  expect(text, what).not.toContain('W-')
  return body
}

/** A new version of a country's policy, in force at once. Countries other than SN are each left to one test file. */
export async function insertPolicy(country: Country, changes: PolicyChanges, effectiveAtMs = 0): Promise<void> {
  await writePolicy(country, changes, effectiveAtMs)
  forgetPolicies()
}

/** A new version as D1 holds it, which an isolate that read the one before need not know. */
export async function writePolicy(country: Country, changes: PolicyChanges, effectiveAtMs = 0): Promise<SignedVersion> {
  const before = (await readNewest(bindings, [country])).get(country)?.[0]
  const made = before && changed(before, changes, before.policy.version + 1)
  if (!made?.ok) throw new Error(`policy: ${made?.error.detail}`)
  const by = { proposedBy: 'user:awa', confirmedBy: 'user:moussa', confirmedAtMs: 0 }
  const version = await signPolicyVersion({ ...made.value, ...by, effectiveAtMs }, await configOf(bindings).keys())
  await versionInsert(bindings.DB, version.policy, version.signed).run()
  return version
}
