import { runInDurableObject } from 'cloudflare:test'
import { importJWK, SignJWT } from 'jose'
import { expect } from 'vitest'
import { nobleSuite } from '../../../src/crypto/noble.ts'
import { signSign1 } from '../../../src/crypto/sign1.ts'
import type { Signer } from '../../../src/crypto/suite.ts'
import { keyId } from '../../../src/crypto/thumbprint.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { type DeviceProofHeader, encodeDeviceProofHeader } from '../../../src/protocol/device-proof.ts'
import type { PaymentEntry } from '../../../src/protocol/payment.ts'
import type { ProblemCode } from '../../../src/protocol/problems.ts'
import { PROBLEMS } from '../../../src/protocol/problems.ts'
import { deliverIndex, type Queues, tellReadModel } from '../../durable-objects/device/kit.ts'
import { type Made, randomBytes, type TestDevice } from '../../kit/device.ts'
import { bindings, keySet, ORIGIN, pushed, SELF } from '../kit.ts'

export const suite = nobleSuite(randomBytes)

/** People, by name and role, who call the admin API. */
export interface Caller {
  readonly sub?: string
  readonly roles?: readonly string[]
  readonly tenant?: string
  readonly key?: string
}

export const admin: Caller = { sub: 'awa', roles: ['pay_admin'] }
export const otherAdmin: Caller = { sub: 'moussa', roles: ['pay_admin'] }
export const reviewer: Caller = { sub: 'binta', roles: ['pay_reviewer'] }
export const otherReviewer: Caller = { sub: 'cheikh', roles: ['pay_reviewer'] }
export const auditor: Caller = { sub: 'dior', roles: ['pay_auditor'] }

/** None of these has voted about anything yet today. */
export async function newDay(): Promise<void> {
  for (const { sub } of [admin, otherAdmin, reviewer, otherReviewer, auditor]) {
    const stub = bindings.PERSON.get(bindings.PERSON.idFromName(`user:${sub}`))
    await runInDurableObject(stub, (_, { storage }) => storage.deleteAll())
  }
}

const tokens = new Map<string, Promise<string>>()

export function tokenOf({ sub = 'awa', roles = ['pay_admin'], tenant }: Caller): Promise<string> {
  const name = JSON.stringify([sub, roles, tenant])
  const known = tokens.get(name) ?? sign({ sub, roles, ...(tenant && { tenant }) })
  tokens.set(name, known)
  return known
}

async function sign(claims: Record<string, unknown>): Promise<string> {
  const key = await importJWK(JSON.parse(bindings.TEST_ISSUER_KEY), 'ES256')
  return new SignJWT(claims)
    .setProtectedHeader({ alg: 'ES256', kid: 'test' })
    .setIssuer(bindings.OIDC_ISSUER)
    .setAudience(bindings.OIDC_AUDIENCE)
    .setIssuedAt()
    .setExpirationTime('30m')
    .sign(key)
}

export async function call(
  who: Caller | undefined,
  method: string,
  path: string,
  body?: unknown,
  more: Record<string, string> = {},
) {
  const headers: Record<string, string> = { ...more }
  if (who) {
    headers['authorization'] = `Bearer ${await tokenOf(who)}`
    if (who.key) headers['idempotency-key'] = who.key
  }
  if (body !== undefined) headers['content-type'] ??= 'application/json'
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return SELF.fetch(ORIGIN + path, { method, headers, ...(body !== undefined && { body: text }) })
}

/** A call that must succeed. @returns its JSON */
// biome-ignore lint/suspicious/noExplicitAny: tests look into answers of every shape
export async function ok(answer: Promise<Response>, status = 200): Promise<any> {
  const response = await answer
  const text = await response.text()
  expect(`${response.status} ${text}`).toMatch(new RegExp(`^${status} `))
  return JSON.parse(text)
}

/** A call that must be refused with this problem. */
export async function refused(answer: Promise<Response>, code: ProblemCode, what: string = code) {
  const response = await answer
  const text = await response.text()
  expect(`${response.status} ${text}`, what).toContain(`"code":"${code}"`)
  expect(response.status, what).toBe(PROBLEMS[code].status)
  expect(response.headers.get('content-type'), what).toBe('application/problem+json')
  return JSON.parse(text) as { detail?: string }
}

/** A proposal of one administrator that another one puts in force. @returns the version */
export async function putInForce(proposal: object) {
  const { id } = await ok(call(admin, 'POST', '/offline/policies/proposals', proposal), 201)
  return ok(call(otherAdmin, 'POST', `/offline/policies/proposals/${id}/confirm`, { reason: 'as agreed' }), 201)
}

/** Pushes payments in one bundle; what the index queue holds is then in D1. */
export async function pushPayments(
  device: TestDevice,
  payments: readonly PaymentEntry[],
  queues: Queues,
): Promise<Made> {
  const made = await device.bundle(payments, await keySet())
  await pushed(made.bundle)
  // What waits is told at once, the rest later.
  await deliverIndex(queues)
  await tellReadModel(device)
  await deliverIndex(queues)
  return made
}

/** A proof of any key for any request. */
export async function proofBy(signer: Signer, deviceId: string, htm: string, path: string, over: object = {}) {
  const header: DeviceProofHeader = {
    alg: signer.key.alg,
    kid: await keyId(webCryptoSuite, signer.key),
    deviceId: deviceId as DeviceProofHeader['deviceId'],
    issuedAtMs: Date.now(),
    nonce: randomBytes(16),
    htm,
    htu: ORIGIN + path,
    ...over,
  }
  return toBase64url(
    await signSign1(signer, encodeDeviceProofHeader(header), new Uint8Array(), 'molam-device-proof-v1'),
  )
}

export function jwkOf({ bytes }: Signer['key']) {
  return { kty: 'EC', crv: 'P-256', x: toBase64url(bytes.slice(1, 33)), y: toBase64url(bytes.slice(33)) }
}
