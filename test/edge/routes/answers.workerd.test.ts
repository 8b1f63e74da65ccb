import { beforeAll, expect, it } from 'vitest'
import * as z from 'zod'
import { importHmacKey, SERVICE_HEADER, signServiceCall } from '../../../src/crypto/hmac.ts'
import { fromBase64url, toBase64url } from '../../../src/protocol/bytes.ts'
import { encodeConfirmations } from '../../../src/protocol/confirmations.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { confirm, deliverIndex, listed, type Queues, recordQueues } from '../../durable-objects/device/kit.ts'
import { signAllowanceOrder } from '../../kit/allowance.ts'
import { signAnswer } from '../../kit/claim-answer.ts'
import { signConsentWord } from '../../kit/consent-word.ts'
import type { Made } from '../../kit/device.ts'
import { TestDevice } from '../../kit/device.ts'
import { signMandate } from '../../kit/mandate.ts'
import { bindings, keySet, ORIGIN, push, registered, registration, SELF } from '../kit.ts'
import {
  admin,
  auditor,
  call,
  jwkOf,
  ok,
  otherAdmin,
  otherReviewer,
  proofBy,
  pushPayments,
  putInForce,
  reviewer,
  suite,
} from './kit.ts'

/** What every route really answers, held against the schema that `/openapi.json` publishes for it: no member more or less. */
interface Operation {
  readonly responses: Readonly<Record<string, { content?: Record<string, { schema?: object }> }>>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: Readonly<Record<string, object>> }
}
let document: Document
let queues: Queues
let device: TestDevice
let made: Made
const checked = new Set<string>()

beforeAll(async () => {
  queues = await recordQueues()
  document = await ok(call(undefined, 'GET', '/openapi.json'))
  device = await registered()
  const early = { initiatedAtMs: Math.floor(Date.now() / 1000) * 1000 + 50 * 60_000 }
  const paid = { sender: device.ownerWallet, receiver: 'W-SUPPLIER' }
  const big = device.payment({ amount: amountMinor(80_000), ...paid })
  made = await pushPayments(device, [big, device.payment(), device.payment(early), device.payment()], queues)
})

/** The published schema of an answer, with what it refers to. */
function published(operation: Operation, status: number): z.ZodType | undefined {
  const schema = operation.responses[status]?.content?.['application/json']?.schema
  if (schema === undefined) return undefined
  const whole = { ...schema, $defs: document.components.schemas }
  const text = JSON.stringify(whole).replaceAll('#/components/schemas/', '#/$defs/')
  return z.fromJSONSchema(JSON.parse(text))
}

/** The operation that a call is one of. */
function operationOf(method: string, path: string): readonly [name: string, operation: Operation] {
  const parts = path.split('?')[0]?.split('/') ?? []
  // Words before names in braces: `/offline/policies/dry-run` is no country.
  const routes = Object.keys(document.paths).toSorted((a, b) => a.split('{').length - b.split('{').length)
  const route = routes.find((known) => {
    const own = known.split('/')
    return own.length === parts.length && own.every((part, i) => part.startsWith('{') || part === parts[i])
  })
  const operation = document.paths[route ?? '']?.[method.toLowerCase()]
  if (operation === undefined) throw new Error(`${method} ${path} is not in the document`)
  return [`${method} ${route}`, operation]
}

/** An answer that is what the document says. @returns it */
async function conforms(method: string, path: string, answer: Promise<Response>): Promise<Record<string, unknown>> {
  const response = await answer
  const [name, operation] = operationOf(method, path)
  const text = await response.text()
  const schema = published(operation, response.status)
  if (schema === undefined) throw new Error(`${name}: no schema for ${response.status}`)
  const body = JSON.parse(text)
  const parsed = schema.safeParse(body)
  expect(parsed.success ? [] : parsed.error.issues, `${name}: ${text}`).toEqual([])
  // A member that the schema does not name would have been dropped, if it were not refused.
  expect(parsed.data, name).toEqual(body)
  checked.add(name)
  return body
}
const asks = (who: typeof admin, method: string, path: string, body?: object) =>
  conforms(method, path, call(who, method, path, body))

it('devices', async () => {
  const path = `/offline/devices/${device.id}`
  for (const list of ['/offline/devices', `/offline/devices?country=SN&limit=1`]) await asks(auditor, 'GET', list)
  const other = await TestDevice.create()
  const body = await registration(other)
  await asks(admin, 'POST', '/offline/devices', body)
  await asks(admin, 'POST', '/offline/devices', body)
  const signer = await suite.es256Signer(crypto.getRandomValues(new Uint8Array(32)).fill(1, 0, 1))
  const proof = await proofBy(signer, other.id, 'POST', `/offline/devices/${other.id}/keys`)
  await asks(admin, 'POST', `/offline/devices/${other.id}/keys`, { public_key: jwkOf(signer.key), proof })
  await asks(auditor, 'GET', `/offline/devices/${other.id}`)
  await asks(auditor, 'GET', path)
  const consents = `/offline/devices/${other.id}/consents`
  const { asked } = await asks(admin, 'POST', consents, { reason: 'corpus' })
  const { request } = asked as { request: string }
  await listed(other)
  expect((await asks(auditor, 'GET', '/offline/consent-requests'))['requests']).not.toEqual([])
  await asks(otherAdmin, 'POST', `${consents}/${request}/confirm`, { reason: 'corpus' })
  await asks(auditor, 'GET', `/offline/devices/${other.id}`)
  await asks(admin, 'POST', `${consents}/withdraw`, { reason: 'corpus' })
  for (const change of ['suspend', 'reactivate', 'revoke']) {
    await asks(admin, 'POST', `/offline/devices/${other.id}/${change}`, { reason: 'corpus' })
  }
})

it('enrolment', async () => {
  const pos = await TestDevice.create()
  const { code } = await asks(admin, 'POST', '/offline/devices/enrolment-codes', {
    ...{ device_id: pos.id, country: 'SN', tenant: 'molam', owner_wallet: pos.ownerWallet },
  })
  const proof = await pos.proof('POST', `${ORIGIN}/offline/enrol`)
  for (let i = 0; i < 2; i++) {
    await conforms(
      'POST',
      '/offline/enrol',
      call(undefined, 'POST', '/offline/enrol', { code, public_key: pos.jwk(), proof }),
    )
  }
})

it('bundles, reviews and reversals', async () => {
  const path = `/offline/bundles/${ulidText(made.header.bundleId)}`
  await asks(auditor, 'GET', '/offline/bundles')
  await asks(auditor, 'GET', path)
  expect((await asks(reviewer, 'GET', '/offline/reviews'))['reviews']).not.toEqual([])
  const about = { kind: 'bundle_settled', deviceId: device.id, bundleId: made.header.bundleId, seq: 1, rev: 1 } as const
  const outcomes = [
    { counter: 2, status: 'succeeded', atMs: 1, transferId: crypto.randomUUID() },
    { counter: 4, status: 'failed', atMs: 1, reason: 'insufficient_funds' },
  ] as const
  const body = encodeConfirmations([{ ...about, outcomes }])
  const key = await importHmacKey(fromBase64url(bindings.INTERNAL_HMAC_KEY))
  const signed = (method: string, where: string, bytes: Uint8Array) =>
    signServiceCall(key, { method, path: where, body: bytes }, Date.now())
  const told = SELF.fetch(`${ORIGIN}/internal/outcomes`, {
    ...{ method: 'POST', body: body as BodyInit },
    headers: { [SERVICE_HEADER]: await signed('POST', '/internal/outcomes', body) },
  })
  await conforms('POST', '/internal/outcomes', told)
  const received = `/internal/received?date=${new Date().toISOString().slice(0, 10)}&country=SN`
  const header = { [SERVICE_HEADER]: await signed('GET', received, new Uint8Array()) }
  await conforms('GET', received, SELF.fetch(ORIGIN + received, { headers: header }))
  const rebuild = `/internal/rebuild?device_id=${device.id}&run=answers-1&by=operator:awa`
  const by = { [SERVICE_HEADER]: await signed('POST', rebuild, new Uint8Array()) }
  await conforms('POST', rebuild, SELF.fetch(ORIGIN + rebuild, { method: 'POST', headers: by }))

  await asks(reviewer, 'POST', `${path}/review`, { choice: 'approve', payments: [3], reason: 'known customer' })
  await asks(reviewer, 'POST', `${path}/review`, { choice: 'approve', payments: [1], reason: 'known customer' })
  await asks(otherReviewer, 'POST', `/offline/transactions/${device.id}/2/reverse`, {
    reason: 'duplicate',
    note: 'paid twice',
  })
  await deliverIndex(queues)
  await asks(auditor, 'GET', path)
  await asks(auditor, 'GET', '/offline/reviews')
  await asks(auditor, 'GET', `/offline/reconciliation?date=${new Date().toISOString().slice(0, 10)}&country=SN`)
})

it('the device’s own: push, notice, keys', async () => {
  const json = { accept: 'application/json', 'content-type': 'application/json' }
  await conforms('GET', '/offline/keys', SELF.fetch(`${ORIGIN}/offline/keys`, { headers: json }))
  const bundle = async (entries: Parameters<TestDevice['bundle']>[0]) =>
    JSON.stringify({ bundle: toBase64url((await device.bundle(entries, await keySet())).bundle) })
  // With exceptions, with outcomes and the policy and keys that it lacks; and as a device without a state.
  await conforms('POST', '/offline/push', push(await bundle([device.payment({ amount: amountMinor(20_000) })]), json))
  const known = { 'molam-cursor': '99', 'molam-policy-version': '9', 'molam-keys-version': '9' }
  await conforms('POST', '/offline/push', push(await bundle([device.payment()]), { ...json, ...known }))
  const notice = async (headers: Record<string, string>) => {
    const authorization = `Molam-Device ${await device.proof('GET', `${ORIGIN}/offline/notice`)}`
    const asked = SELF.fetch(`${ORIGIN}/offline/notice`, { headers: { ...json, authorization, ...headers } })
    return conforms('GET', '/offline/notice', asked)
  }
  expect(await notice({})).toHaveProperty('device')
  const claim = {
    ...{ takerId: device.id, counter: 1, contentHash: new Uint8Array(32), type: 'merchant' as const },
    amount: amountMinor(1),
    ...{ currency: currency('XOF'), receiver: 'W-SHOP', initiatedAtMs: 1, openUntilMs: Date.now() + 3_600_000 },
  }
  const { contentHash: _, openUntilMs: __, ...taken } = claim
  const mandated = { ...taken, postedAtMs: 2 }
  const debit = {
    ...taken,
    requestId: new Uint8Array(16),
    status: 'failed' as const,
    statusAtMs: 2,
    reason: 'limit_exceeded',
  }
  await confirm(device, [
    { kind: 'claims_open', deviceId: device.id, rev: 1, claims: [claim], mandated: [mandated], debits: [debit] },
  ])
  const shown = await notice({ 'molam-cursor': '0' })
  expect(shown).not.toHaveProperty('device')
  expect(shown).toHaveProperty('claims')
  expect(shown).toHaveProperty('mandated')
  expect(shown).toHaveProperty('debits')
  const answer = toBase64url(await signAnswer(device, { ...claim, choice: 'confirm', answeredAtMs: Date.now() }))
  const body = JSON.stringify({ answer })
  const asked = SELF.fetch(`${ORIGIN}/offline/claims/answer`, { method: 'POST', headers: json, body })
  await conforms('POST', '/offline/claims/answer', asked)
  const mandate = await signMandate(device, {
    ...{ wallet: device.ownerWallet, currency: currency('XOF'), paymentMax: 0, dayMax: 0, no: 1 },
    untilMs: Date.now() + 3_600_000,
  })
  const given = JSON.stringify({ mandate: toBase64url(mandate) })
  const sent = SELF.fetch(`${ORIGIN}/offline/mandates`, { method: 'POST', headers: json, body: given })
  await conforms('POST', '/offline/mandates', sent)
  const about = { wallet: device.ownerWallet, no: 1, currency: currency('XOF'), ceiling: 1000 }
  const order = toBase64url(await signAllowanceOrder(device, { choice: 'open', ...about }))
  const toOpen = JSON.stringify({ order })
  const ordered = SELF.fetch(`${ORIGIN}/offline/allowances`, { method: 'POST', headers: json, body: toOpen })
  await conforms('POST', '/offline/allowances', ordered)

  const second = await TestDevice.create(device.ownerWallet)
  await ok(call(admin, 'POST', '/offline/devices', await registration(second)), 201)
  const consent = toBase64url(await signConsentWord(device, second))
  const word = JSON.stringify({ consent })
  const authorization = `Molam-Device ${await second.proof('POST', `${ORIGIN}/offline/consents`, {}, word)}`
  const brought = SELF.fetch(`${ORIGIN}/offline/consents`, {
    method: 'POST',
    headers: { ...json, authorization },
    body: word,
  })
  await conforms('POST', '/offline/consents', brought)
})

it('consent: a code to the holder', async () => {
  const own = await TestDevice.create()
  await ok(call(admin, 'POST', '/offline/devices', await registration(own)), 201)
  const path = '/offline/consents/code'
  const asks = async (at: string, what?: object) => {
    const authorization = `Molam-Device ${await own.proof('POST', ORIGIN + at, {}, what ? JSON.stringify(what) : '')}`
    const headers = { 'content-type': 'application/json', authorization }
    const init = { method: 'POST', headers, ...(what && { body: JSON.stringify(what) }) }
    return conforms('POST', at, SELF.fetch(ORIGIN + at, init))
  }
  await asks(path)
  const answer = { no: 1, code: '04183920' }
  await asks(`${path}/answer`, answer)
  const code = { no: 1, state: 'accepted', wrong: 0 } as const
  await confirm(own, [{ kind: 'device_recorded', deviceId: own.id, rev: 1, code }])
  expect(await asks(`${path}/answer`, answer)).toHaveProperty('pays_until')
  await conforms('GET', '/offline/devices/{device_id}', call(admin, 'GET', `/offline/devices/${own.id}`))
})

it('two stories: evidence and escalations', async () => {
  const cloned = await registered()
  const keys = await keySet()
  const payload = () => ({ currency: 'XOF' as never, entries: [cloned.payment()] })
  for (const { bundle } of [await cloned.seal(payload(), keys), await cloned.seal(payload(), keys)]) await push(bundle)
  await deliverIndex(queues)
  const { evidence } = await asks(auditor, 'GET', `/offline/devices/${cloned.id}/evidence`)
  expect(evidence).toHaveLength(1)
  const { escalations } = await asks(auditor, 'GET', `/offline/escalations?device_id=${cloned.id}`)
  expect(escalations).toHaveLength(1)
})

it('policies', async () => {
  await asks(auditor, 'GET', '/offline/policies')
  const { version } = await asks(auditor, 'GET', '/offline/policies/TG')
  const made = { country: 'TG', after_version: version, reason: 'corpus', changes: { review_two_people_above: 60_000 } }
  const scheduled = { ...made, effective_at: Date.now() + 3_600_000 }
  const [{ id }, { id: other }] = [
    await asks(admin, 'POST', '/offline/policies/proposals', scheduled),
    await asks(admin, 'POST', '/offline/policies/proposals', made),
  ]
  const said = { reason: 'as agreed' }
  await asks(otherAdmin, 'POST', `/offline/policies/proposals/${id}/confirm`, said)
  await asks(admin, 'POST', `/offline/policies/proposals/${other}/withdraw`, said)
  expect((await asks(auditor, 'GET', '/offline/policies/proposals?country=TG'))['proposals']).toHaveLength(2)
  expect((await asks(auditor, 'GET', '/offline/policies/TG'))['scheduled']).toHaveLength(1)
  await asks(auditor, 'GET', '/offline/policies/TG/versions')
  const { payments } = await asks(auditor, 'POST', '/offline/policies/dry-run', {
    ...{ country: 'SN', changes: { require_payer_proof_above: 1000 } },
  })
  expect(payments).not.toEqual([])
  const off = await asks(admin, 'POST', '/offline/policies/ML/switch-off', said)
  const on = { country: 'ML', after_version: off['version'], reason: 'corpus', changes: { enabled: true } }
  await putInForce(on)
})

it('audit and health', async () => {
  await deliverIndex(queues)
  const { records } = await asks(auditor, 'GET', '/offline/audit?limit=200')
  expect((records as unknown[]).length).toBeGreaterThan(10)
  for (const path of ['/healthz', '/readyz']) await conforms('GET', path, call(undefined, 'GET', path))
})

it('that was every route that answers JSON, and no schema is open', () => {
  const all = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.entries(operations).flatMap(([method, { responses }]) => {
      const answersJson = Object.entries(responses).some(
        ([status, { content }]) => status.startsWith('2') && content?.['application/json'] !== undefined,
      )
      return answersJson && path !== '/openapi.json' ? [`${method.toUpperCase()} ${path}`] : []
    }),
  )
  expect([...checked].toSorted()).toEqual(all.toSorted())
  const open: string[] = []
  const walk = (value: unknown, at: string): void => {
    if (typeof value !== 'object' || value === null) return
    const { type, additionalProperties } = value as { type?: unknown; additionalProperties?: unknown }
    if (type === 'object' && (additionalProperties === undefined || isAnything(additionalProperties))) open.push(at)
    for (const [name, inner] of Object.entries(value)) walk(inner, `${at}/${name}`)
  }
  const isAnything = (schema: unknown) => schema === true || JSON.stringify(schema) === '{}'
  for (const [path, operations] of Object.entries(document.paths)) {
    if (path === '/openapi.json') continue
    for (const { responses } of Object.values(operations)) {
      for (const [status, response] of Object.entries(responses)) if (status !== 'default') walk(response, path)
    }
  }
  for (const [name, schema] of Object.entries(document.components.schemas)) if (name !== 'Problem') walk(schema, name)
  expect(open).toEqual([])
})
