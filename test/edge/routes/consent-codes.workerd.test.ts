import { beforeEach, describe, expect, it } from 'vitest'
import { openConsent } from '../../../src/crypto/consent.ts'
import { trustedReceiptKeys } from '../../../src/crypto/receipt-keys.ts'
import { configOf } from '../../../src/edge/config.ts'
import { fromHex } from '../../../src/protocol/bytes.ts'
import type { CodeState } from '../../../src/protocol/consent-code.ts'
import { CODE_TRIES_MAX, CODE_VALID_MS } from '../../../src/protocol/limits.ts'
import type { DeviceMessage } from '../../../src/protocol/messages.ts'
import { confirm, inObject, lostQueues, type Queues, readNotice, select } from '../../durable-objects/device/kit.ts'
import { TestDevice } from '../../kit/device.ts'
import { bindings, consentTo, keySet, ORIGIN, pushed, registration, SELF } from '../kit.ts'
import { admin, call, ok, refused } from './kit.ts'

/** A device asks for a code to its wallet's holder, and what is entered pays nothing before the book has accepted it. */
const ASK = '/offline/consents/code'
const ANSWER = `${ASK}/answer`
const CODE = '04183920'
let device: TestDevice
let queues: Queues
beforeEach(async () => {
  queues = await lostQueues()
  device = await TestDevice.create()
  await ok(call(admin, 'POST', '/offline/devices', await registration(device)), 201)
  queues.watch(device)
})

const post = async (path: string, body?: object, by = device) =>
  SELF.fetch(ORIGIN + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Molam-Device ${await by.proof('POST', ORIGIN + path, {}, body ? JSON.stringify(body) : '')}`,
    },
    ...(body && { body: JSON.stringify(body) }),
  })
/** A proof that somebody has seen, with another body. */
const postWith = (proof: string, path: string, body: string) => {
  const headers = { 'content-type': 'application/json', authorization: `Molam-Device ${proof}` }
  return SELF.fetch(ORIGIN + path, { method: 'POST', headers, body })
}
const ask = () => post(ASK)
const enter = (code = CODE, no = 1) => post(ANSWER, { no, code })
const say = (state: CodeState, wrong = 0, no = 1, rev = 1) =>
  confirm(device, [{ kind: 'device_recorded', deviceId: device.id, rev, wallet: 'known', code: { no, state, wrong } }])
const facts = () => queues.settle.findLast((one): one is DeviceMessage => one.kind === 'device')
async function paid(): Promise<string> {
  const payment = device.payment({ type: 'p2p', sender: device.ownerWallet, receiver: 'W-OTHER' })
  const { receipt } = await pushed((await device.bundle([payment], await keySet())).bundle)
  const found = receipt.exceptions.find(({ counter }) => counter === payment.counter)
  return found === undefined ? 'accepted' : `${found.decision} ${found.reason}`
}
const audited = async () =>
  (await select<{ action: string }>(device, 'SELECT action FROM audit ORDER BY id'))
    .map(({ action }) => action)
    .slice(1)
/** Its request was made as long ago. */
const age = (ms: number) =>
  inObject(device, ({ storage }) => {
    const path = "json_set(code_request, '$.askedAtMs', json_extract(code_request, '$.askedAtMs') - ?)"
    storage.sql.exec(`UPDATE device SET code_request = ${path}`, ms)
  })
const path = (what: string) => `/offline/devices/${device.id}/${what}`
const reason = { reason: 'in other hands' }

it('a device pays once the book has accepted what was entered', async () => {
  const asked = await ok(ask())
  expect(asked).toMatchObject({ no: 1, state: 'waiting' })
  expect(asked.until).toBeGreaterThan(Date.now())
  expect(facts()?.code).toEqual({ no: 1, askedAtMs: asked.until - CODE_VALID_MS })
  await say('sent')
  expect(await ok(ask()), 'the same request').toEqual({ ...asked, state: 'sent' })
  expect(await ok(enter())).toEqual({ state: 'waiting', tries_left: CODE_TRIES_MAX })
  expect(await paid(), 'nothing before the book').toBe('refused payer_not_proven')
  expect(await readNotice(device)).toMatchObject({ paysUntilMs: undefined })
  const answer = facts()?.code?.answer
  const trusted = await trustedReceiptKeys(await configOf(bindings).keys())
  const names = { askedBy: `device:${device.id}`, confirmedBy: 'holder' }
  expect(await openConsent(answer ?? new Uint8Array(), trusted)).toMatchObject({
    ...{ deviceId: device.id, wallet: device.ownerWallet, tenant: 'molam', ...names },
    code: { no: 1, askedAtMs: asked.until - CODE_VALID_MS, digits: CODE },
  })
  await say('accepted')
  const came = await ok(enter())
  expect(came).toMatchObject({ state: 'accepted' })
  expect(await paid()).toBe('accepted')
  expect(await readNotice(device)).toMatchObject({ paysUntilMs: came.pays_until })
  expect(facts()).toMatchObject({ consents: [{ signed: answer }] })
  expect(facts()?.code).toBeUndefined()
  const { consents } = await ok(call(admin, 'GET', `/offline/devices/${device.id}`))
  expect(consents).toMatchObject({
    code: { no: 1, state: 'accepted', wrong: 0 },
    given: [{ asked_by: `device:${device.id}`, confirmed_by: 'holder', refused_at: null }],
  })
  expect(await audited()).toEqual(['consent_code_asked', 'consent_code_entered', 'consent_given'])
  await refused(ask(), 'state_conflict')
})

describe('what is entered', () => {
  beforeEach(async () => {
    await ok(ask())
    await say('sent')
  })

  it('takes its turn: another one waits until the book has judged it', async () => {
    await ok(enter())
    await refused(enter('11111111'), 'temporarily_unavailable')
    await say('sent', 1)
    expect(await ok(enter())).toEqual({ state: 'wrong', tries_left: CODE_TRIES_MAX - 1 })
    expect(await ok(enter('11111111'))).toEqual({ state: 'waiting', tries_left: CODE_TRIES_MAX - 1 })
    await say('sent', 1)
    expect(await ok(enter('11111111')), 'what the book said of the last one is not about this one').toMatchObject({
      state: 'waiting',
    })
  })

  it('is said until the book has it, and is none when the book took it for nothing', async () => {
    await ok(enter())
    const answer = facts()?.code?.answer
    const { rev = 0 } = facts() ?? {}
    await say('undelivered', 0, 1, rev - 1)
    expect(await ok(enter())).toMatchObject({ state: 'waiting' })
    await ok(call(admin, 'POST', path('suspend'), reason))
    expect(facts()?.code?.answer).toEqual(answer)
    await ok(call(admin, 'POST', path('reactivate'), reason))
    await say('undelivered', 0, 1, facts()?.rev)
    expect(facts()?.code?.answer, 'as it was said last').toEqual(answer)
    expect(await ok(enter())).toEqual({ state: 'undelivered', tries_left: CODE_TRIES_MAX })
  })

  it('is five tries, and the same one again is none', async () => {
    for (let i = 0; i < CODE_TRIES_MAX; i++) {
      await ok(enter(`0000000${i}`))
      await say('sent', i + 1)
      expect(await ok(enter('00000000'))).toMatchObject({ state: 'wrong' })
    }
    expect(await ok(enter())).toEqual({ state: 'over', tries_left: 0 })
    expect((await audited()).filter((action) => action.includes('wrong'))).toHaveLength(5)
    expect(await ok(ask()), 'then there is a new one').toMatchObject({ no: 2 })
  })

  it('is too late after fifteen minutes, and waits for the book when it was in time', async () => {
    await age(CODE_VALID_MS)
    expect(await ok(enter())).toEqual({ state: 'over', tries_left: CODE_TRIES_MAX })
    await ok(ask())
    await ok(enter(CODE, 2))
    await age(CODE_VALID_MS)
    expect(await ok(ask()), 'no other request while it is judged').toMatchObject({ no: 2 })
    await say('accepted', 0, 2)
    expect(await paid()).toBe('accepted')
  })

  it('for another request, in another form, or by another device is none', async () => {
    await refused(enter(CODE, 2), 'state_conflict')
    for (const code of ['0418392', '041839200', 'abcdefgh', ' 4183920']) await refused(enter(code), 'invalid_request')
    const other = Object.assign(await TestDevice.create(), { id: device.id, kid: device.kid })
    await refused(post(ANSWER, { no: 1, code: CODE }, other), 'invalid_signature')
  })

  it('gives nothing after people have taken it back, also when the book accepts it after that', async () => {
    await ok(enter())
    await ok(call(admin, 'POST', path('consents/withdraw'), reason))
    expect(facts()?.consents?.[0]?.withdrawnAtMs).toBeGreaterThan(0)
    expect(facts()?.code).toBeUndefined()
    await say('accepted')
    expect(await paid()).toBe('refused payer_not_proven')
    await refused(enter(), 'state_conflict')
  })

  it('by a key that was replaced is not said any more', async () => {
    await ok(enter())
    const next = await TestDevice.create(device.ownerWallet)
    const proof = await Object.assign(next, { id: device.id }).proof('POST', `${ORIGIN}${path('keys')}`)
    const body = { public_key: next.jwk(), proof, old_key: 'revoke' }
    await ok(call(admin, 'POST', path('keys'), body), 200)
    expect(facts()?.code).toBeUndefined()
    device = Object.assign(next, { seq: device.seq, counter: device.counter, prev: device.prev })
    await refused(enter(), 'state_conflict')
    const asked = await ok(ask())
    expect(asked.no).toBe(2)
    expect(facts()?.consents?.[0]?.withdrawnAtMs, 'the book may have accepted it').toBeGreaterThan(0)
    await say('accepted')
    expect(await paid()).toBe('refused payer_not_proven')
  })
})

describe('a code is not asked for', () => {
  it('by a device that pays', async () => {
    await consentTo(device)
    await refused(ask(), 'state_conflict')
  })

  it('more than three times a day', async () => {
    for (const no of [1, 2, 3]) {
      expect(await ok(ask())).toMatchObject({ no })
      await say('undelivered', 0, no)
    }
    await refused(ask(), 'rate_limited')
  })

  it('by a device that is suspended or revoked', async () => {
    await ok(call(admin, 'POST', path('suspend'), reason))
    await refused(ask(), 'device_suspended')
    await ok(call(admin, 'POST', path('revoke'), reason))
    await refused(ask(), 'device_revoked')
  })
})

it.each(['off', 'unknown_wallet', 'no_phone', 'too_many', 'undelivered'] as const)(
  'that none comes, and why, the device is told: %s',
  async (state) => {
    await ok(ask())
    await say(state)
    expect(await ok(enter())).toEqual({ state, tries_left: CODE_TRIES_MAX })
    expect(facts()?.code?.answer).toBeUndefined()
  },
)

it('what the ledger does not bear out pays nothing, and people and the device are told', async () => {
  await consentTo(device)
  expect(await paid()).toBe('accepted')
  const message = facts()
  const { thumbprint, givenAtMs } = await inObject(device, async ({ storage }) => {
    const [row] = storage.sql.exec<{ consents: string }>('SELECT consents FROM device').toArray()
    const [{ thumbprint: hex, givenAtMs: at }] = JSON.parse(row?.consents ?? '[]')
    return { thumbprint: fromHex(hex), givenAtMs: at as number }
  })
  const refusal = { kind: 'device_recorded', deviceId: device.id, rev: message?.rev ?? 1, wallet: 'known' } as const
  for (let twice = 0; twice < 2; twice++) {
    await confirm(device, [{ ...refusal, refused: [{ thumbprint, givenAtMs }] }])
  }
  expect(await paid()).toBe('refused payer_not_proven')
  expect(await readNotice(device)).toMatchObject({ paysUntilMs: undefined })
  const shown = await ok(call(admin, 'GET', `/offline/devices/${device.id}`))
  expect(shown.pays_by).toEqual({ word: 'payer', until: null })
  expect(shown.consents.given[0].refused_at).toBeGreaterThan(0)
  expect((await audited()).filter((action) => action === 'consent_refused')).toHaveLength(1)
  expect(await ok(ask()), 'its holder can give it').toMatchObject({ no: 1 })
})

it('a proof that was seen is good for its own body and no other, and one that names none for nothing', async () => {
  await ask()
  const [own, other] = [CODE, '11111111'].map((code) => JSON.stringify({ no: 1, code })) as [string, string]
  const proof = await device.proof('POST', ORIGIN + ANSWER, {}, own)
  await refused(postWith(proof, ANSWER, other), 'invalid_signature')
  await refused(postWith(await device.proof('POST', ORIGIN + ANSWER), ANSWER, own), 'invalid_signature')
  await refused(postWith(await device.proof('POST', ORIGIN + ASK), ASK, '{}'), 'invalid_signature')
  expect((await postWith(proof, ANSWER, own)).status).toBe(200)
})
