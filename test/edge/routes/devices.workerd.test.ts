import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { fromHex, toBase64url, toHex } from '../../../src/protocol/bytes.ts'
import type { Problem, ProblemCode } from '../../../src/protocol/problems.ts'
import { deliverIndex, dumpObject, recordQueues, select, stubOf } from '../../durable-objects/device/kit.ts'
import { TestDevice } from '../../kit/device.ts'
import { asPerson, expectRefusal, keySet, ORIGIN, pushed, registered, registration, SELF, token } from '../kit.ts'

/** Registration: only for the holder of the key, only once with the same facts, only with a key that is one. */
let device: TestDevice
let queues: Awaited<ReturnType<typeof recordQueues>>

beforeAll(async () => {
  queues = await recordQueues()
})
afterAll(() => queues.restore())
beforeEach(async () => {
  device = await TestDevice.create()
  queues.clear()
})

const register = (body: unknown, roles?: string[]) => asPerson('POST', '/offline/devices', body, roles)

/** Refused, and the object of the device stays without any table. */
async function refused(body: unknown, code: ProblemCode | readonly ProblemCode[], what?: string): Promise<void> {
  const response = await register(body)
  const problem = (await response.clone().json()) as unknown as Problem
  expect([code].flat(), what).toContain(problem.code)
  await expectRefusal(response, problem.code, what)
  const tables = "SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
  expect(await select(device, tables), what).toEqual([])
}

describe('accepts', () => {
  it('a device whose key is proven; the reconciler and the read model are told', async () => {
    const response = await register(await registration(device))
    expect(response.status).toBe(201)
    expect(await response.json()).toEqual({
      device_id: device.id,
      country: 'SN',
      tenant: 'molam',
      kid: toHex(device.kid),
    })
    expect(queues.settle).toMatchObject([
      { kind: 'device', deviceId: device.id, rev: 1, ownerWallet: device.ownerWallet },
    ])
    expect(queues.index).toMatchObject([{ device: { deviceId: device.id, status: 'active' } }])
    await deliverIndex(queues)
    const shown = await asPerson('GET', `/offline/devices/${device.id}`, undefined, ['pay_auditor'])
    expect(await shown.json()).toMatchObject({
      device_id: device.id,
      status: 'active',
      last_seq: 0,
      missing_counters: [],
    })
  })

  it('the same again: 200, and nothing changes', async () => {
    await register(await registration(device))
    const before = await dumpObject(device)
    const again = await register(await registration(device))
    expect(again.status).toBe(200)
    expect(await dumpObject(device)).toBe(before)
  })

  it('two at once: one registration', async () => {
    const bodies = [await registration(device), await registration(device)]
    const responses = await Promise.all(bodies.map((body) => register(body)))
    expect(responses.map(({ status }) => status).sort()).toEqual([200, 201])
    expect(await select(device, 'SELECT action FROM audit')).toEqual([{ action: 'device_registered' }])
  })
})

describe('rejects', () => {
  it.each([
    ['another key', async () => ({ public_key: (await TestDevice.create()).jwk() })],
    ['another country', async () => ({ country: 'ML' })],
    ['another tenant', async () => ({ tenant: 'other' })],
    ['another owner', async () => ({ owner_wallet: 'W-THIEF' })],
  ])('the same id with %s: what is registered stands', async (what, over) => {
    await register(await registration(device))
    const before = await dumpObject(device)
    const thief = what === 'another key' ? await TestDevice.create() : device
    const own = {
      public_key: thief.jwk(),
      proof: await thief.proof('POST', `${ORIGIN}/offline/devices`, { deviceId: device.id }),
    }
    await expectRefusal(await register(await registration(device, { ...(await over()), ...own })), 'device_exists')
    expect(await dumpObject(device)).toBe(before)
  })

  it('a proof that is missing, made with another key, or for another request, device or time', async () => {
    const url = `${ORIGIN}/offline/devices`
    const other = await TestDevice.create()
    const hour = 3_600_000
    await refused(await registration(device, { proof: undefined }), 'invalid_request', 'missing')
    const proofs: Record<string, string> = {
      empty: '',
      garbage: 'AAAA',
      'not base64url': '*',
      'another key': await other.proof('POST', url, { deviceId: device.id }),
      'another key under this key id': await other.proof('POST', url, { deviceId: device.id, kid: device.kid }),
      'another device': await device.proof('POST', url, { deviceId: other.id }),
      'another method': await device.proof('GET', url),
      'another path': await device.proof('POST', `${ORIGIN}/offline/push`),
      'another host': await device.proof('POST', 'https://evil.test/offline/devices'),
      'another algorithm': await device.proof('POST', url, { alg: -257 }),
    }
    for (const [what, proof] of Object.entries(proofs)) {
      await refused(await registration(device, { proof }), 'key_not_proven', what)
    }
    for (const offMs of [-hour, hour]) {
      const proof = await device.proof('POST', url, { issuedAtMs: Date.now() + offMs })
      await refused(await registration(device, { proof }), 'clock_skew', `off by ${offMs}`)
    }
  })

  it('a bundle is no proof', async () => {
    const { bundle } = await device.bundle([device.payment()], await keySet())
    await refused(await registration(device, { proof: toBase64url(bundle) }), 'key_not_proven')
  })

  it('keys that are not points of P-256', async () => {
    const { x, y } = device.jwk()
    const at = (hex: string) => toBase64url(fromHex(hex))
    const zero = '00'.repeat(32)
    const p = 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff'
    const weak: Record<string, { x: string; y: string }> = {
      'off the curve': { x, y: at(`${'00'.repeat(31)}01`) },
      'the coordinates swapped': { x: y, y: x },
      'the point at infinity': { x: at(zero), y: at(zero) },
      'a coordinate of the field’s order': { x: at(p), y: at(zero) },
      'a coordinate of all ones': { x: at('ff'.repeat(32)), y },
      // 43 characters hold 258 bits: two spellings of one coordinate must not be two keys.
      'a second spelling': { x: `${x.slice(0, 42)}${x.endsWith('8') ? '9' : 'B'}`, y },
    }
    for (const [what, point] of Object.entries(weak)) {
      await refused(await registration(device, { public_key: { kty: 'EC', crv: 'P-256', ...point } }), 'weak_key', what)
    }
  })

  it('keys of another form, and bodies that are not what is asked for', async () => {
    const { x, y } = device.jwk()
    const bodies: Record<string, Record<string, unknown>> = {
      'P-384': { public_key: { kty: 'EC', crv: 'P-384', x: x + x.slice(0, 21), y: y + y.slice(0, 21) } },
      compressed: { public_key: { kty: 'EC', crv: 'P-256', x } },
      RSA: { public_key: { kty: 'RSA', n: 'AQAB', e: 'AQAB' } },
      'a private key': { public_key: { ...device.jwk(), d: x } },
      'a short coordinate': { public_key: { ...device.jwk(), x: x.slice(1) } },
      'a padded coordinate': { public_key: { ...device.jwk(), x: `${x}=` } },
      'a device id with a path': { device_id: '../x' },
      'a device id of 65': { device_id: 'x'.repeat(65) },
      'an unknown country': { country: 'FR' },
      'an empty tenant': { tenant: '' },
      'a wallet with a space': { owner_wallet: 'W 1' },
      'a member too many': { status: 'active' },
      'a proof of 5000 characters': { proof: 'A'.repeat(5000) },
    }
    for (const [what, over] of Object.entries(bodies)) {
      await refused(await registration(device, over), ['invalid_request', 'weak_key'], what)
    }
    for (const body of [null, [], 'x', 1, {}]) await refused(body, 'invalid_request', JSON.stringify(body))
  })

  it('bodies that are no JSON, of another type, or too large', async () => {
    const send = async (body: BodyInit, type = 'application/json') =>
      SELF.fetch(`${ORIGIN}/offline/devices`, {
        method: 'POST',
        headers: { authorization: `Bearer ${await token(['pay_admin'])}`, 'content-type': type },
        body,
      })
    await expectRefusal(await send('{'), 'invalid_request')
    await expectRefusal(await send(Uint8Array.of(0x22, 0xff, 0x22)), 'invalid_request')
    await expectRefusal(await send('{}', 'text/plain'), 'unsupported_media_type')
    await expectRefusal(await send(' '.repeat(65_537)), 'bundle_too_large')
  })

  it('what is wrong is named by field, and its value is not repeated', async () => {
    const response = await register(await registration(device, { owner_wallet: 'W-SECRET WALLET' }))
    const { detail } = await expectRefusal(response, 'invalid_request')
    expect(detail).toContain('owner_wallet')
    expect(detail).not.toContain('SECRET')
  })
})

describe('security', () => {
  it('only admins register, and only for their own tenant', async () => {
    const body = await registration(device)
    for (const roles of [['pay_auditor'], ['pay_reviewer']])
      await expectRefusal(await register(body, roles), 'forbidden')
    const headers = {
      authorization: `Bearer ${await token(['pay_admin'], { tenant: 'other' })}`,
      'content-type': 'application/json',
    }
    const foreign = await SELF.fetch(`${ORIGIN}/offline/devices`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    })
    await expectRefusal(foreign, 'forbidden')
    expect(await stubOf(device).describe()).toMatchObject({ error: 'not_found' })
  })

  it('a device of another tenant looks like one that does not exist', async () => {
    const theirs = await registered({ tenant: 'theirs' })
    const ask = async (id: string, tenant?: string) =>
      SELF.fetch(`${ORIGIN}/offline/devices/${id}`, {
        headers: { authorization: `Bearer ${await token(['pay_admin'], tenant === undefined ? {} : { tenant })}` },
      })
    const answers = [await ask(theirs.id, 'ours'), await ask('NO-SUCH', 'ours'), await ask('a%2Fb', 'ours')]
    const texts = await Promise.all(
      answers.map(async (answer) => JSON.stringify(await expectRefusal(answer, 'not_found'))),
    )
    expect(new Set(texts).size).toBe(1)
    expect((await ask(theirs.id, 'theirs')).status).toBe(200)
    expect((await ask(theirs.id)).status).toBe(200)
  })

  it('what operators see of a device names no wallet', async () => {
    const shown = await registered()
    await pushed((await shown.bundle([shown.payment()], await keySet())).bundle)
    const text = await (await asPerson('GET', `/offline/devices/${shown.id}`)).text()
    expect(text).toContain('"owed"')
    expect(text).not.toContain('W-')
  })
})
