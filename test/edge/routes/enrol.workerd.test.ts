import { beforeAll, describe, expect, it } from 'vitest'
import { enrolmentCode } from '../../../src/crypto/enrolment-code.ts'
import { importHmacKey } from '../../../src/crypto/hmac.ts'
import { macOf } from '../../../src/crypto/mac.ts'
import type { Signer } from '../../../src/crypto/suite.ts'
import { keyId } from '../../../src/crypto/thumbprint.ts'
import { configOf } from '../../../src/edge/config.ts'
import { codeFields } from '../../../src/edge/enrolment/code.ts'
import { forgetDevices } from '../../../src/edge/ingest/identity-cache.ts'
import { policiesInForce } from '../../../src/edge/ingest/policy-cache.ts'
import { latestCode } from '../../../src/edge/store/enrolment.ts'
import { fromBase64url, toHex } from '../../../src/protocol/bytes.ts'
import { prevOf } from '../../../src/protocol/chain.ts'
import { decodeNotice } from '../../../src/protocol/notice.ts'
import {
  dumpObject,
  dumpReadModel,
  type Queues,
  recordQueues,
  select,
  stubOf,
} from '../../durable-objects/device/kit.ts'
import { randomBytes, TestDevice } from '../../kit/device.ts'
import { bindings, expectRefusal, keySet, ORIGIN, push, pushed, registered, SELF, verified } from '../kit.ts'
import { admin, call, jwkOf, ok, proofBy, refused, suite } from './kit.ts'

/** A POS registers itself by a one-time code, without anybody's token on it. */
let queues: Queues
beforeAll(async () => {
  queues = await recordQueues()
})

const CODES = '/offline/devices/enrolment-codes'
const asked = (device: TestDevice, over: object = {}) => ({
  ...{ device_id: device.id, country: 'SN', tenant: 'molam', owner_wallet: device.ownerWallet, ...over },
})
const codeFor = async (device: TestDevice, over: object = {}) =>
  (await ok(call(admin, 'POST', CODES, asked(device, over)), 201)) as { code: string; expires_at: number }

async function enrolment(device: TestDevice, code: string, signer: Signer = device.signer) {
  return { code, public_key: jwkOf(signer.key), proof: await proofBy(signer, device.id, 'POST', '/offline/enrol') }
}
const enrol = (body: unknown) => call(undefined, 'POST', '/offline/enrol', body)

/** The code of a device as the edge would have made it, had it made it long ago. */
async function expire({ id }: TestDevice): Promise<void> {
  const code = await latestCode(bindings, id)
  if (code === undefined) throw new Error('no code')
  const expired = { ...code, expiresAtMs: Date.now() - 1 }
  const mac = await macOf(await configOf(bindings).macKey('enrolment_code'), codeFields(expired))
  await bindings.DB.prepare('UPDATE offline_enrolment_codes SET expires_at = ?, mac = ? WHERE id = ?')
    .bind(expired.expiresAtMs, mac, code.id)
    .run()
}

describe('a code', () => {
  it('lets a new POS register itself and push; the object holds its facts, D1 no wallet and no code', async () => {
    const device = await TestDevice.create()
    const { code } = await codeFor(device)
    expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/)
    expect(await ok(enrol(await enrolment(device, code)), 201)).toMatchObject({ kid: toHex(device.kid) })
    await pushed((await device.bundle([device.payment()], await keySet())).bundle)
    expect(await select(device, 'SELECT owner_wallet, tenant FROM device')).toEqual([
      { owner_wallet: device.ownerWallet, tenant: 'molam' },
    ])
    const audit = await select<{ actor: string; action: string }>(device, 'SELECT actor, action FROM audit')
    expect(audit[0]).toMatchObject({ action: 'device_enrolled', actor: expect.stringMatching(/^code:/) })
    const { results } = await bindings.DB.prepare('SELECT * FROM offline_enrolment_codes').all()
    const stored = JSON.stringify(results)
    expect(stored).not.toContain(device.ownerWallet)
    expect(stored).not.toContain(code)
  })

  it('is known to nobody by another secret: its id stands in the audit', async () => {
    const device = await TestDevice.create()
    const { code } = await codeFor(device)
    const { id = '' } = (await latestCode(bindings, device.id)) ?? {}
    const by = async (secret: string) => enrolmentCode(await importHmacKey(fromBase64url(secret)), id)
    expect(await by(bindings.ENROLMENT_CODE_KEY)).toBe(code)
    const { INTERNAL_HMAC_KEY, KEY_WRAPPING_SECRET, STORED_MAC_SECRET, REVIEW_PSEUDONYM_KEY } = bindings
    for (const secret of [INTERNAL_HMAC_KEY, KEY_WRAPPING_SECRET, STORED_MAC_SECRET, REVIEW_PSEUDONYM_KEY]) {
      expect(await by(secret)).not.toBe(code)
    }
  })

  it('may be typed in any case, with or without hyphens, and O for 0', async () => {
    const device = await TestDevice.create()
    const { code } = await codeFor(device)
    const typed = code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')
    await ok(enrol(await enrolment(device, typed)), 201)
  })

  it('is used once: the same POS asking again gets the same, another key nothing', async () => {
    const device = await TestDevice.create()
    const { code } = await codeFor(device)
    const body = await enrolment(device, code)
    const first = await ok(enrol(body), 201)
    expect(await ok(enrol(body))).toEqual(first)
    const before = await dumpObject(device)
    const other = await suite.es256Signer(randomBytes(32))
    await refused(enrol(await enrolment(device, code, other)), 'enrolment_code_invalid')
    expect(await dumpObject(device)).toBe(before)
  })

  it('ten POS with one code at once: one of them is the device', async () => {
    const device = await TestDevice.create()
    const { code } = await codeFor(device)
    const signers = await Promise.all(Array.from({ length: 10 }, () => suite.es256Signer(randomBytes(32))))
    const answers = await Promise.all(signers.map(async (signer) => enrol(await enrolment(device, code, signer))))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(9).fill(403)])
  })

  it('does not hold when it is wrong, for another device, replaced or expired: one answer, and nothing written', async () => {
    const [device, other] = [await TestDevice.create(), await TestDevice.create()]
    const { code } = await codeFor(device)
    const { code: replaced } = await codeFor(other)
    const { code: current } = await codeFor(other)
    const before = await dumpReadModel()
    const wrong = `${code.slice(0, -1)}${code.endsWith('A') ? 'B' : 'A'}`
    const answers = await Promise.all([
      refused(enrol(await enrolment(device, wrong)), 'enrolment_code_invalid'),
      refused(enrol(await enrolment(other, code)), 'enrolment_code_invalid'),
      refused(enrol(await enrolment(other, replaced)), 'enrolment_code_invalid'),
      refused(enrol(await enrolment(await TestDevice.create(), code)), 'enrolment_code_invalid'),
      refused(enrol({ ...(await enrolment(device, code)), proof: 'AAAA' }), 'enrolment_code_invalid'),
      refused(enrol(await enrolment(device, '')), 'enrolment_code_invalid'),
    ])
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(await dumpReadModel()).toBe(before)
    await expire(other)
    await refused(enrol(await enrolment(other, current)), 'enrolment_code_invalid')
    for (const { id } of [device, other]) expect(await dumpObject({ id })).toContain('[[],[],null]')
  })

  it('asks for a proof of the key', async () => {
    const device = await TestDevice.create()
    const { code } = await codeFor(device)
    const thief = await suite.es256Signer(randomBytes(32))
    const body = await enrolment(device, code)
    await refused(enrol({ ...body, public_key: jwkOf(thief.key) }), 'key_not_proven')
    const elsewhere = await proofBy(device.signer, device.id, 'POST', '/offline/devices')
    await refused(enrol({ ...body, proof: elsewhere }), 'key_not_proven')
    await ok(enrol(body), 201)
  })

  it('can be tried 60 times a minute from one address', async () => {
    const device = await TestDevice.create()
    const body = await enrolment(device, 'AAAA-AAAA-AAAA-AAAA')
    const from = { 'cf-connecting-ip': `198.51.100.${Math.floor(Math.random() * 250)}` }
    // Ten more than two minutes take, since one may end meanwhile.
    const tries = Array.from({ length: 130 }, () => call(undefined, 'POST', '/offline/enrol', body, from))
    const statuses = (await Promise.all(tries)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 429).length).toBeGreaterThanOrEqual(10)
    expect(new Set(statuses)).toEqual(new Set([403, 429]))
  })
})

describe('making codes', () => {
  it('the same key: the same code; another request: 409', async () => {
    const device = await TestDevice.create()
    const by = { ...admin, key: `code-${device.id}` }
    const first = await ok(call(by, 'POST', CODES, asked(device)), 201)
    expect(await ok(call(by, 'POST', CODES, asked(device)), 201)).toEqual(first)
    await refused(call(by, 'POST', CODES, asked(device, { tenant: 'other' })), 'idempotency_conflict')
    const both = await Promise.all([1, 2, 3].map(() => call({ ...by, key: 'again' }, 'POST', CODES, asked(device))))
    expect(new Set(await Promise.all(both.map((answer) => answer.text()))).size).toBe(1)
  })

  it('is for admins, for their own tenant, and for no device that is somebody else’s', async () => {
    const device = await registered({ tenant: 'other' })
    const own = { ...admin, tenant: 'own' }
    await refused(call({ ...admin, roles: ['pay_reviewer'] }, 'POST', CODES, asked(device)), 'forbidden')
    await refused(call(own, 'POST', CODES, asked(device, { tenant: 'other' })), 'forbidden')
    await refused(call(own, 'POST', CODES, asked(device, { tenant: 'own' })), 'device_exists')
    await refused(call(admin, 'POST', CODES, asked(device, { tenant: 'other', country: 'CI' })), 'device_exists')
    const stranger = { tenant: 'other', owner_wallet: 'W-THIEF' }
    await refused(call(admin, 'POST', CODES, asked(device, stranger)), 'device_exists')
  })
})

describe('a device that lost its state', () => {
  it('enrols again and is told where it stands; the key that was lost is good for nothing', async () => {
    const device = await registered()
    const keys = await keySet()
    const last = await device.bundle([device.payment(), device.payment()], keys)
    await pushed(last.bundle)
    const stolen = await device.bundle([device.payment()], keys)
    const { code } = await codeFor(device)
    const signer = await suite.es256Signer(randomBytes(32))
    await ok(enrol(await enrolment(device, code, signer)), 201)
    forgetDevices()
    await expectRefusal(await push(stolen.bundle), 'invalid_signature')

    device.signer = signer
    device.kid = await keyId(suite, signer.key)
    const authorization = `Molam-Device ${await device.proof('GET', `${ORIGIN}/offline/notice`)}`
    const response = await SELF.fetch(`${ORIGIN}/offline/notice`, {
      headers: { authorization, accept: 'application/cbor' },
    })
    const notice = decodeNotice(await verified(await response.bytes(), 'molam-notice-v1'))
    expect(notice.device).toMatchObject({ nextCounter: 3, nextSeq: 2, prev: prevOf(last.digest) })
    Object.assign(device, { seq: 2, counter: 3, prev: prevOf(last.digest) })
    expect((await pushed((await device.bundle([device.payment()], keys)).bundle)).receipt.firstCounter).toBe(3)
    expect(queues.settle.length).toBeGreaterThan(0)
  })

  it('whoever finds an older code cannot take it over, nor bring the old key back', async () => {
    const device = await TestDevice.create()
    const { code: first } = await codeFor(device)
    await ok(enrol(await enrolment(device, first)), 201)
    const { code: second } = await codeFor(device)
    const signer = await suite.es256Signer(randomBytes(32))
    await ok(enrol(await enrolment(device, second, signer)), 201)
    const before = await dumpObject(device)
    await refused(enrol(await enrolment(device, first)), 'enrolment_code_invalid')
    const { code: third } = await codeFor(device)
    await refused(enrol(await enrolment(device, third)), 'enrolment_code_invalid', 'the first key again')
    expect(await dumpObject(device)).toBe(before)
  })

  it('the object itself takes codes only above the last one, whatever D1 shows', async () => {
    const device = await TestDevice.create()
    await ok(enrol(await enrolment(device, (await codeFor(device)).code)), 201)
    const [{ last_code: last } = { last_code: '' }] = await select<{ last_code: string }>(
      device,
      'SELECT last_code FROM device',
    )
    const policy = (await policiesInForce(bindings, Date.now())).get('SN')
    if (policy === undefined) throw new Error('no policy')
    const signer = await suite.es256Signer(randomBytes(32))
    const key = { alg: -7, publicKey: signer.key.bytes, kid: await keyId(suite, signer.key) } as const
    const facts = {
      deviceId: device.id,
      country: 'SN',
      tenant: 'molam',
      ownerWallet: device.ownerWallet,
      policy,
    } as const
    const older = `00000000000000000000000000`
    const before = await dumpObject(device)
    for (const code of [older, last]) {
      expect(
        await stubOf(device).enrol({ ...facts, ...key }, { id: code, madeBy: 'user:awa' }, { actor: 'code:x' }),
      ).toMatchObject({ ok: false })
    }
    // Nor one that was made for another owner, tenant or country.
    const newer = '7ZZZZZZZZZZZZZZZZZZZZZZZZZ'
    for (const other of [{ ownerWallet: 'W-THIEF' }, { tenant: 'other' }, { country: 'CI' }] as const) {
      const result = await stubOf(device).enrol(
        { ...facts, ...key, ...other },
        { id: newer, madeBy: 'user:awa' },
        { actor: 'code:x' },
      )
      expect(result).toMatchObject({ ok: false })
    }
    expect(await dumpObject(device)).toBe(before)
  })

  it('stays suspended when it was, and revoked for ever', async () => {
    const device = await registered()
    await ok(call(admin, 'POST', `/offline/devices/${device.id}/suspend`, { reason: 'cloned' }))
    const { code } = await codeFor(device)
    const signer = await suite.es256Signer(randomBytes(32))
    await ok(enrol(await enrolment(device, code, signer)), 201)
    expect(await select(device, 'SELECT status FROM device')).toEqual([{ status: 'suspended' }])
    await ok(call(admin, 'POST', `/offline/devices/${device.id}/revoke`, { reason: 'stolen' }))
    await refused(call(admin, 'POST', CODES, asked(device)), 'device_exists')
  })
})
