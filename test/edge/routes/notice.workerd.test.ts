import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { KeysUnavailable } from '../../../src/crypto/key-provider.ts'
import { localKeys, newWrappedKey, type WrappedKeys } from '../../../src/crypto/local-keys.ts'
import { readProof } from '../../../src/edge/ingest/device-auth.ts'
import { toHex } from '../../../src/protocol/bytes.ts'
import { parseSign1, readAlgKid } from '../../../src/protocol/cose.ts'
import { decodeKeySet } from '../../../src/protocol/keyset.ts'
import { decodeNotice, decodePushResponse } from '../../../src/protocol/notice.ts'
import { confirm, dumpObject, recordQueues, stubOf } from '../../durable-objects/device/kit.ts'
import { TestDevice } from '../../kit/device.ts'
import {
  bindings,
  expectRefusal,
  fetchWith,
  keySet,
  ORIGIN,
  pushed,
  pushInit,
  receiptOf,
  registered,
  SELF,
  verified,
} from '../kit.ts'

/** What a device is told when it has nothing to push, and what anybody may read. */
const URL = `${ORIGIN}/offline/notice`
let device: TestDevice
let restore: () => void

beforeAll(async () => {
  ;({ restore } = await recordQueues())
})
afterAll(() => restore())
beforeEach(async () => {
  device = await registered()
})

const ask = (authorization: string, headers: Record<string, string> = {}) =>
  SELF.fetch(URL, { headers: { authorization, accept: 'application/cbor', ...headers } })
const proven = async (proof: Promise<string>, headers = {}) => ask(`Molam-Device ${await proof}`, headers)
const noticeOf = async (response: Response) => {
  expect(response.status).toBe(200)
  return decodeNotice(await verified(await response.bytes(), 'molam-notice-v1'))
}

describe('GET /offline/notice', () => {
  it('tells a device that asks where it stands what its last receipt says, refusals included', async () => {
    const where = async () => noticeOf(await proven(device.proof('GET', URL)))
    expect((await where()).lastReceipt).toBeUndefined()
    const { receipt } = await pushed((await device.bundle([device.payment()], await keySet())).bundle)
    expect((await where()).lastReceipt).toEqual(receipt)
    const twins = { sender: device.ownerWallet, receiver: device.ownerWallet }
    const second = await pushed((await device.bundle([device.payment(twins)], await keySet())).bundle)
    expect(second.receipt.exceptions).toMatchObject([{ decision: 'refused', reason: 'same_wallet' }])
    const { lastReceipt, device: facts } = await where()
    expect(lastReceipt).toEqual(second.receipt)
    expect(facts?.nextSeq).toBe(3)
    const authorization = `Molam-Device ${await device.proof('GET', URL)}`
    const json = (await (await SELF.fetch(URL, { headers: { authorization } })).json()) as Record<string, unknown>
    expect(json['last_receipt']).toMatchObject({ seq: 2, exceptions: [{ reason: 'same_wallet' }] })
  })

  it('tells outcomes after the cursor, and policy and keys only to who lacks them', async () => {
    const { receipt } = await pushed((await device.bundle([device.payment()], await keySet())).bundle)
    const outcomes = [{ counter: 1, status: 'succeeded', atMs: 5, transferId: crypto.randomUUID() }] as const
    const { bundleId } = receipt
    await confirm(device, [{ kind: 'bundle_settled', deviceId: device.id, bundleId, seq: 1, rev: 1, outcomes }])
    const first = await noticeOf(await proven(device.proof('GET', URL), { 'molam-cursor': '0' }))
    expect(first).toMatchObject({ deviceId: device.id, outcomes, cursor: 1, policy: { country: 'SN', version: 1 } })
    expect(first.keys?.version).toBe(3)
    expect(first.device).toBeUndefined()
    const has = { 'molam-cursor': '1', 'molam-policy-version': '1', 'molam-keys-version': '3' }
    const second = await noticeOf(await proven(device.proof('GET', URL), has))
    expect(second).toEqual({
      ...{ deviceId: device.id, serverTimeMs: second.serverTimeMs, outcomes: [], cursor: 1 },
      ...{ next: { nextCounter: 2, nextSeq: 2 }, answersNonce: second.answersNonce },
      paysUntilMs: expect.any(Number),
    })
    expect(Math.abs(second.serverTimeMs - Date.now())).toBeLessThan(60_000)
  })

  it('names the proof that it answers, so that no other notice passes for it', async () => {
    const token = await device.proof('GET', URL)
    const notice = await noticeOf(await proven(Promise.resolve(token)))
    expect(notice.answersNonce).toEqual(readProof(token)?.claims.nonce)
    expect(notice.answersNonce).not.toEqual((await noticeOf(await proven(device.proof('GET', URL)))).answersNonce)
  })

  it('tells a device without any state where it stands', async () => {
    const notice = await noticeOf(await proven(device.proof('GET', URL)))
    expect(notice.device).toEqual({
      ownerWallet: device.ownerWallet,
      nextCounter: 1,
      nextSeq: 1,
      prev: new Uint8Array(16),
      today: { day: new Date(notice.serverTimeMs).toISOString().slice(0, 10), count: 0, value: 0 },
    })
  })

  it('a suspended device is still told what became of its payments', async () => {
    await stubOf(device).setStatus('suspended', { actor: 'user:ops' }, 'test')
    expect((await noticeOf(await proven(device.proof('GET', URL)))).deviceId).toBe(device.id)
  })

  it('a revoked device is told nothing, at once: whoever holds its key is not the owner', async () => {
    await noticeOf(await proven(device.proof('GET', URL)))
    await stubOf(device).setStatus('revoked', { actor: 'user:ops' }, 'test')
    for (const headers of [{}, { 'molam-cursor': '0' }]) {
      await expectRefusal(await proven(device.proof('GET', URL), headers), 'device_revoked')
    }
  })

  it('as JSON it says the same, without the wallet', async () => {
    const response = await proven(device.proof('GET', URL), { accept: 'application/json' })
    const text = await response.text()
    expect(JSON.parse(text)).toMatchObject({ device_id: device.id, cursor: 0, device: { next_counter: 1 } })
    expect(text).not.toContain(device.ownerWallet)
  })

  it('no proof, or one of another scheme', async () => {
    await expectRefusal(await SELF.fetch(URL), 'unauthorized')
    await expectRefusal(await ask('Bearer x'), 'unauthorized')
    await expectRefusal(await ask('Molam-Device'), 'invalid_signature')
  })

  it('proofs that do not hold get one answer, and write nothing', async () => {
    const other = await registered()
    const unknown = await TestDevice.create()
    const before = await dumpObject(device)
    const bent: Record<string, string> = {
      'no base64url': '*',
      empty: '',
      garbage: 'AAAA',
      'too long': 'A'.repeat(5000),
      'of an unknown device': await unknown.proof('GET', URL),
      'of another device in this one’s name': await other.proof('GET', URL, { deviceId: device.id }),
      'of another device with this one’s key id': await other.proof('GET', URL, {
        deviceId: device.id,
        kid: device.kid,
      }),
      'for another method': await device.proof('POST', URL),
      'for a lower-case method': await device.proof('get', URL),
      'for another path': await device.proof('GET', `${ORIGIN}/offline/keys`),
      'for another host': await device.proof('GET', 'https://evil.test/offline/notice'),
      'for a URL with query': await device.proof('GET', `${URL}?x=1`),
      'of another algorithm': await device.proof('GET', URL, { alg: -37 }),
    }
    const answers: string[] = []
    for (const [what, proof] of Object.entries(bent)) {
      answers.push(JSON.stringify(await expectRefusal(await ask(`Molam-Device ${proof}`), 'invalid_signature', what)))
    }
    expect(new Set(answers).size).toBe(1)
    expect(await dumpObject(device)).toBe(before)
  })

  it('a proof of another time: clock_skew tells the server’s', async () => {
    for (const ms of [-31 * 60_000, 31 * 60_000]) {
      const response = await proven(device.proof('GET', URL, { issuedAtMs: Date.now() + ms }))
      const { server_time = 0 } = await expectRefusal(response, 'clock_skew')
      expect(Math.abs(server_time - Date.now())).toBeLessThan(60_000)
    }
    await noticeOf(await proven(device.proof('GET', URL, { issuedAtMs: Date.now() - 29 * 60_000 })))
  })

  it('counts towards the rate of the device', async () => {
    const header = `Molam-Device ${await device.proof('GET', URL)}`
    let limited: Response | undefined
    for (let i = 0; i < 121 && limited === undefined; i++) {
      const response = await ask(header)
      if (response.status === 429) limited = response
      else await response.body?.cancel()
    }
    expect(limited?.headers.get('retry-after')).toBe('60')
    await expectRefusal(limited as Response, 'rate_limited')
  })
})

describe('after the receipt key was changed', () => {
  /** The settings with a new key that signs from version 4 on, and the id of each. */
  async function changed(old: 'retiring' | 'retired') {
    const before = JSON.parse(bindings.EDGE_KEYS) as WrappedKeys
    const added = await newWrappedKey('receipt', bindings.KEY_WRAPPING_SECRET, 4)
    const keys = [added, ...before.keys.map((key) => (key.use === 'receipt' ? { ...key, state: old } : key))]
    const settings = { EDGE_KEYS: JSON.stringify({ version: 4, keys }) }
    const set = await (await localKeys(settings.EDGE_KEYS, bindings.KEY_WRAPPING_SECRET)).keySet()
    const [newKid, oldKid] = set.keys.flatMap(({ use, kid }) => (use === 'receipt' ? [toHex(kid)] : []))
    return { settings, newKid, oldKid }
  }
  const signedBy = (signed: Uint8Array) => toHex(readAlgKid(parseSign1(signed).header).kid)

  it.each([
    ['retiring', '3', 'old'],
    ['retiring', '4', 'new'],
    ['retiring', undefined, 'new'],
    ['retired', '3', 'new'],
  ] as const)(
    'the old one %s, keys of version %s: the notice is signed by the %s one',
    async (old, version, expected) => {
      const { settings, newKid, oldKid } = await changed(old)
      const authorization = `Molam-Device ${await device.proof('GET', URL)}`
      const headers = { authorization, accept: 'application/cbor', ...(version && { 'molam-keys-version': version }) }
      const response = await fetchWith(settings, '/offline/notice', { headers })
      expect(response.status).toBe(200)
      expect(signedBy(await response.bytes())).toBe(expected === 'old' ? oldKid : newKid)
    },
  )

  it('a push brings the new keys under a signature that the device can verify', async () => {
    const { settings, oldKid } = await changed('retiring')
    const { bundle } = await device.bundle([device.payment()], await keySet())
    const headers = { 'molam-cursor': '0', 'molam-policy-version': '1', 'molam-keys-version': '3' }
    const response = await fetchWith(settings, '/offline/push', pushInit(bundle, headers))
    expect(response.status).toBe(200)
    const { notice } = decodePushResponse(await response.bytes())
    expect(signedBy(notice)).toBe(oldKid)
    expect(decodeNotice(await verified(notice, 'molam-notice-v1')).keys?.version).toBe(4)
  })
})

describe('GET /offline/keys', () => {
  it('gives the public keys with their states, and no private part, to everybody', async () => {
    const response = await SELF.fetch(`${ORIGIN}/offline/keys`)
    const text = await response.text()
    const { version, keys } = JSON.parse(text) as { version: number; keys: Record<string, string>[] }
    expect(version).toBe(3)
    expect(keys.map(({ use, state }) => `${use} ${state}`)).toEqual([
      'seal active',
      'seal retiring',
      'seal retired',
      'receipt active',
    ])
    for (const key of keys) expect(Object.keys(key).sort()).toEqual(['kid', 'public_key', 'state', 'use'])
    expect(text).not.toContain('wrapped')
    const asCbor = await SELF.fetch(`${ORIGIN}/offline/keys`, { headers: { accept: 'application/cbor' } })
    expect(decodeKeySet(await asCbor.bytes()).keys).toHaveLength(4)
  })
})

describe('the rest', () => {
  it('healthz says whether the settings parse, and names no value', async () => {
    expect(await (await SELF.fetch(`${ORIGIN}/healthz`)).json()).toMatchObject({ status: 'ok' })
    const response = await fetchWith({ OIDC_ISSUER: 'no url with a-secret' }, '/healthz', {})
    expect(response.headers.get('retry-after')).toBe('5')
    expect(JSON.stringify(await expectRefusal(response, 'temporarily_unavailable'))).not.toContain('a-secret')
  })

  it('while the edge’s keys cannot be had a push is told to come again, and leaves nothing', async () => {
    const made = await device.bundle([device.payment()], await keySet())
    const before = await dumpObject(device)
    for (const over of [{ EDGE_KEYS: '{}' }, { KEY_WRAPPING_SECRET: 'A'.repeat(43) }, { EDGE_KEYS: '' }]) {
      const init = {
        method: 'POST',
        headers: { 'content-type': 'application/vnd.molam.bundle+cose' },
        body: made.bundle,
      }
      const response = await fetchWith(over, '/offline/push', init as RequestInit)
      await expectRefusal(response, 'temporarily_unavailable', JSON.stringify(Object.keys(over)))
    }
    expect(await dumpObject(device)).toBe(before)
    expect((await receiptOf(await SELF.fetch(`${ORIGIN}/offline/push`, pushBody(made.bundle)))).receipt.seq).toBe(1)
  })

  it('an object that cannot sign receipts refuses with "retry" too, and admits nothing', async () => {
    const made = await device.bundle([device.payment()], await keySet())
    const before = await dumpObject(device)
    const { sign } = crypto.subtle
    const spy = vi.spyOn(crypto.subtle, 'sign').mockImplementation(async (algorithm, key, data) => {
      if (key.algorithm.name === 'ECDSA') throw new KeysUnavailable('the receipt key does not unwrap')
      return sign.call(crypto.subtle, algorithm, key, data)
    })
    try {
      const response = await SELF.fetch(`${ORIGIN}/offline/push`, pushBody(made.bundle))
      await expectRefusal(response, 'temporarily_unavailable')
    } finally {
      spy.mockRestore()
    }
    expect(await dumpObject(device)).toBe(before)
    expect((await receiptOf(await SELF.fetch(`${ORIGIN}/offline/push`, pushBody(made.bundle)))).receipt.seq).toBe(1)
  })

  it.each([
    ['GET', '/'],
    ['GET', '/offline/push'],
    ['PUT', '/offline/push'],
    ['DELETE', '/offline/devices'],
    ['POST', '/offline/keys'],
    ['GET', '/internal/outcomes'],
    ['GET', '/offline/devices/'],
    ['GET', '/OFFLINE/KEYS'],
  ])('%s %s is nothing', async (method, path) => {
    const response = await SELF.fetch(ORIGIN + path, { method })
    expect([404, 405]).toContain(response.status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('molam-request-id')).toMatch(/^[\w-]{16}$/)
    await response.body?.cancel()
  })

  const pushBody = (body: Uint8Array) => ({
    method: 'POST',
    headers: { 'content-type': 'application/vnd.molam.bundle+cose', accept: 'application/cbor' },
    body: body as BodyInit,
  })
})
