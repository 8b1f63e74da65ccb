import { beforeAll, describe, expect, it } from 'vitest'
import { refusalOf } from '../../../durable-objects/device/admit/keys.ts'
import type { Signer } from '../../../src/crypto/suite.ts'
import { keyId, thumbprint } from '../../../src/crypto/thumbprint.ts'
import { forgetDevices } from '../../../src/edge/ingest/identity-cache.ts'
import { toBase64url, toHex } from '../../../src/protocol/bytes.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { age, alarm, dumpObject, lostQueues, recordAll, stubOf } from '../../durable-objects/device/kit.ts'
import { randomBytes, TestDevice } from '../../kit/device.ts'
import { expectRefusal, keySet, ORIGIN, push, pushed, registered, SELF } from '../kit.ts'
import { admin, auditor, call, jwkOf, ok, proofBy, refused, suite } from './kit.ts'

/** A device gets another key: what the old one signed still counts, and it never comes back. */
let keys: KeySet
beforeAll(async () => {
  keys = await keySet()
})

const newSigner = () => suite.es256Signer(randomBytes(32))
const path = (device: TestDevice) => `/offline/devices/${device.id}/keys`

async function rotation(device: TestDevice, signer: Signer, over: object = {}) {
  const proof = await proofBy(signer, device.id, 'POST', path(device))
  return { public_key: jwkOf(signer.key), proof, ...over }
}

async function use(device: TestDevice, signer: Signer): Promise<void> {
  device.signer = signer
  device.kid = await keyId(suite, signer.key)
}

/** @param next the key that the device confirms with its old one */
async function byDevice(device: TestDevice, next: Signer, body: unknown): Promise<Response> {
  const confirms = await thumbprint(suite, next.key)
  const authorization = `Molam-Device ${await device.proof('POST', ORIGIN + path(device), { confirms }, JSON.stringify(body))}`
  const headers = { authorization, 'content-type': 'application/json' }
  return SELF.fetch(ORIGIN + path(device), { method: 'POST', headers, body: JSON.stringify(body) })
}

const shownKeys = async (device: TestDevice) =>
  (await ok(call(auditor, 'GET', `/offline/devices/${device.id}`))).older_keys

describe('the old key', () => {
  it('is good for what it signed until a bundle comes with the new one, and is then retired', async () => {
    const device = await registered()
    const [old, next] = [device.signer, await newSigner()]
    await pushed((await device.bundle([device.payment()], keys)).bundle)
    const late = await device.bundle([device.payment()], keys)
    await ok(call(admin, 'POST', path(device), await rotation(device, next)))
    forgetDevices()
    expect((await pushed(late.bundle)).receipt.status).toBe('pushed')
    await use(device, next)
    await pushed((await device.bundle([device.payment()], keys)).bundle)
    expect(await shownKeys(device)).toMatchObject([{ state: 'retired', last_seq: 2 }])
    await use(device, old)
    await expectRefusal(await push((await device.bundle([device.payment()], keys)).bundle), 'invalid_signature')
  })

  it('still fills holes before the first bundle of the new one, and signs nothing after it', async () => {
    const device = await registered()
    const [old, next] = [device.signer, await newSigner()]
    const withheld = await device.bundle([device.payment()], keys)
    await ok(call(admin, 'POST', path(device), await rotation(device, next)))
    await use(device, next)
    await pushed((await device.bundle([device.payment()], keys)).bundle)
    expect(await shownKeys(device)).toMatchObject([{ state: 'retiring', last_seq: 1 }])
    await use(device, old)
    const third = await device.bundle([device.payment()], keys)
    await expectRefusal(await push(third.bundle), 'invalid_signature')
    await pushed(withheld.bundle)
    expect(await shownKeys(device)).toMatchObject([{ state: 'retired' }])
  })

  it('that was lost is good for nothing from then on', async () => {
    const device = await registered()
    const next = await newSigner()
    const before = await device.bundle([device.payment()], keys)
    await ok(call(admin, 'POST', path(device), await rotation(device, next, { old_key: 'revoke' })))
    forgetDevices()
    await expectRefusal(await push(before.bundle), 'invalid_signature')
  })

  it('never becomes the key again, whoever asks', async () => {
    const device = await registered()
    const [old, next] = [device.signer, await newSigner()]
    await ok(call(admin, 'POST', path(device), await rotation(device, next)))
    await refused(call(admin, 'POST', path(device), await rotation(device, old)), 'weak_key')
  })
})

it('the object takes no signature of a key that is retired or revoked, whatever the Worker knew', () => {
  const [kid, publicKey] = [new Uint8Array(8).fill(1), new Uint8Array(65)]
  const current = { kid: new Uint8Array(8), alg: -7, publicKey, keyRev: 2 } as const
  const by = { kid, alg: -7, seq: 1 } as const
  const signed = (state: 'retiring' | 'retired' | 'revoked') =>
    refusalOf({ ...current, status: 'active', olderKeys: [{ kid, alg: -7, publicKey, rev: 1, lastSeq: 5, state }] }, by)
  const refusals = [undefined, 'invalid_signature', 'invalid_signature']
  expect([signed('retiring'), signed('retired'), signed('revoked')]).toEqual(refusals)
})

it('where isolates still know the key before, the new one works as soon as the answer says so, and the old one does not', async () => {
  const device = await registered()
  const [old, oldKid, next] = [device.signer, device.kid, await newSigner()]
  const notice = async () => {
    const authorization = `Molam-Device ${await device.proof('GET', `${ORIGIN}/offline/notice`)}`
    return SELF.fetch(`${ORIGIN}/offline/notice`, { headers: { authorization, accept: 'application/cbor' } })
  }
  await pushed((await device.bundle([device.payment()], keys)).bundle)
  expect((await notice()).status).toBe(200)
  await ok(call(admin, 'POST', path(device), await rotation(device, next, { old_key: 'revoke' })))
  // Nobody has asked for the device again: what this isolate knows is from before.
  await expectRefusal(await notice(), 'invalid_signature')
  await use(device, next)
  await pushed((await device.bundle([device.payment()], keys)).bundle)
  expect((await notice()).status).toBe(200)
  Object.assign(device, { signer: old, kid: oldKid })
  await expectRefusal(await notice(), 'invalid_signature')
})

it('a receipt that is only looked up is given to no key that is not the device’s any more, and not while it is suspended', async () => {
  const device = await registered()
  const made = await device.bundle([device.payment()], keys)
  await pushed(made.bundle)
  const find = () => stubOf(device).findReceipt({ claims: made.header, digest: made.digest, cursor: 0 })
  expect(await find()).toMatchObject({ ok: true })
  await stubOf(device).setStatus('suspended', { actor: 'user:x' }, 'test')
  expect(await find()).toMatchObject({ error: 'device_suspended' })
  await stubOf(device).setStatus('active', { actor: 'user:x' }, 'test')
  await ok(call(admin, 'POST', path(device), await rotation(device, await newSigner(), { old_key: 'revoke' })))
  expect(await find()).toMatchObject({ error: 'invalid_signature' })
})

describe('a device by itself', () => {
  it('rotates with a proof of its key; the same again is the same; the old key can do nothing else', async () => {
    const device = await registered()
    const [next, thief] = [await newSigner(), await newSigner()]
    const answer = await ok(byDevice(device, next, await rotation(device, next)))
    expect(answer.kid).toBe(toHex(await keyId(suite, next.key)))
    forgetDevices()
    expect(await ok(byDevice(device, next, await rotation(device, next)))).toEqual(answer)
    await refused(byDevice(device, thief, await rotation(device, thief)), 'invalid_signature')
    // Nor is it told what only the device may know.
    const authorization = `Molam-Device ${await device.proof('GET', `${ORIGIN}/offline/notice`)}`
    await expectRefusal(
      await SELF.fetch(`${ORIGIN}/offline/notice`, { headers: { authorization } }),
      'invalid_signature',
    )
  })

  it('says with the old key which key is the new one: a proof that was captured is no good for a thief’s key', async () => {
    const device = await registered()
    const [next, thief] = [await newSigner(), await newSigner()]
    const before = await dumpObject(device)
    const stolen = await rotation(device, thief)
    await refused(byDevice(device, next, stolen), 'key_not_proven')
    // Made without naming a key, or for another one.
    for (const confirms of [undefined, new Uint8Array(32)]) {
      const over = confirms === undefined ? {} : { confirms }
      const authorization = `Molam-Device ${await device.proof('POST', ORIGIN + path(device), over, JSON.stringify(stolen))}`
      await refused(call(undefined, 'POST', path(device), stolen, { authorization }), 'key_not_proven')
    }
    expect(await dumpObject(device)).toBe(before)
    await ok(byDevice(device, next, await rotation(device, next)))
  })

  it('puts no more keys away than its row has room for; people may still give it another', async () => {
    const device = await registered()
    const kidOf = (n: number) => new Uint8Array(8).fill(n)
    const change = (n: number, actor: string) =>
      stubOf(device).rotateKey({ alg: -7, kid: kidOf(n), publicKey: device.signer.key.bytes }, 'retiring', { actor })
    for (let n = 1; n <= 64; n++) expect(await change(n, 'device'), `${n}`).toMatchObject({ ok: true })
    expect(await change(65, 'device')).toEqual({ ok: false, error: 'state_conflict' })
    expect(await change(64, 'device'), 'the same again').toMatchObject({ ok: true })
    expect(await change(66, 'user:awa')).toMatchObject({ ok: true })
  })

  it('cannot revoke, rotate another device, or rotate while it is suspended', async () => {
    const [device, other] = [await registered(), await registered()]
    const next = await newSigner()
    await refused(byDevice(device, next, await rotation(device, next, { old_key: 'revoke' })), 'forbidden')
    const another = await rotation(other, next)
    const proof = await device.proof('POST', ORIGIN + path(other), {}, JSON.stringify(another))
    const authorization = `Molam-Device ${proof}`
    await refused(call(undefined, 'POST', path(other), another, { authorization }), 'forbidden')
    await stubOf(device).setStatus('suspended', { actor: 'user:x' }, 'test')
    forgetDevices()
    await refused(byDevice(device, next, await rotation(device, next)), 'device_suspended')
  })
})

it('without a proof of the new key, or with one for another device, nothing changes', async () => {
  const [device, other] = [await registered(), await registered()]
  const [next, another] = [await newSigner(), await newSigner()]
  const before = await dumpObject(device)
  const good = await rotation(device, next)
  const forgeries = {
    'made by another key': { ...good, proof: await proofBy(another, device.id, 'POST', path(device)) },
    'made by the old key': { ...good, proof: await proofBy(device.signer, device.id, 'POST', path(device)) },
    'for another device': { ...good, proof: await proofBy(next, other.id, 'POST', path(device)) },
    'for another request': { ...good, proof: await proofBy(next, device.id, 'POST', '/offline/devices') },
  }
  for (const [what, body] of Object.entries(forgeries)) {
    await refused(call(admin, 'POST', path(device), body), 'key_not_proven', what)
  }
  const old = { ...good, proof: await proofBy(next, device.id, 'POST', path(device), { issuedAtMs: 1 }) }
  await refused(call(admin, 'POST', path(device), old), 'clock_skew')
  await refused(call({ ...admin, roles: ['pay_reviewer'] }, 'POST', path(device), good), 'forbidden')
  await refused(call({ ...admin, tenant: 'other' }, 'POST', path(device), good), 'not_found')
  expect(await dumpObject(device)).toBe(before)
})

it('the reconciler is told every key each time, and which of them somebody else may have', async () => {
  const queues = await lostQueues()
  const device = await registered()
  queues.watch(device)
  const [first, second, third] = [device.kid, await newSigner(), await newSigner()]
  await ok(call(admin, 'POST', path(device), await rotation(device, second)))
  queues.clear()
  await age(device, 10_000)
  await alarm(device)
  expect(queues.settle).toMatchObject([{ kind: 'device', rev: 2, olderKeys: [{ kid: first, fate: 'replaced' }] }])
  await recordAll(device, queues)
  await ok(call(admin, 'POST', path(device), await rotation(device, third, { old_key: 'revoke' })))
  expect(queues.settle).toMatchObject([{ kind: 'device', rev: 3, olderKeys: [{ kid: first }, {}] }])
  expect(queues.settle[0]).toMatchObject({ olderKeys: [{ fate: 'revoked' }, { fate: 'revoked' }] })
})

it('a key that was lost takes those before it along, also those that had signed their last bundle', async () => {
  const queues = await lostQueues()
  const device = await registered()
  queues.watch(device)
  const [first, second] = [device.kid, await newSigner()]
  await ok(byDevice(device, second, await rotation(device, second)))
  await use(device, second)
  await pushed((await device.bundle([device.payment()], keys)).bundle)
  expect(await shownKeys(device)).toMatchObject([{ state: 'retired' }])
  queues.clear()
  await ok(call(admin, 'POST', path(device), await rotation(device, await newSigner(), { old_key: 'revoke' })))
  const lost = [first, device.kid].map((kid) => ({ kid, fate: 'revoked' }))
  expect(queues.settle.filter(({ kind }) => kind === 'device')).toMatchObject([{ olderKeys: lost }])
})

it('the reconciler is told of each key that there is consent for, however many were put after it', async () => {
  const queues = await lostQueues()
  const device = await registered()
  queues.watch(device)
  const first = device.kid
  for (let n = 1; n <= 20; n++) {
    const key = { alg: -7, kid: new Uint8Array(8).fill(n), publicKey: device.signer.key.bytes } as const
    expect(await stubOf(device).rotateKey(key, 'retiring', { actor: 'device' })).toMatchObject({ ok: true })
  }
  queues.clear()
  await ok(call(admin, 'POST', path(device), await rotation(device, await newSigner(), { old_key: 'revoke' })))
  const [told] = queues.settle.filter((one) => one.kind === 'device')
  expect(told?.olderKeys).toHaveLength(16)
  expect(told?.olderKeys?.[0]).toMatchObject({ kid: first, fate: 'revoked' })
  expect(told?.olderKeys?.at(-1)).toMatchObject({ kid: new Uint8Array(8).fill(20), fate: 'revoked' })
})

describe('keys of other kinds', () => {
  const webSigner = async (alg: number, algorithm: object, params: object, bytesOf: (jwk: JsonWebKey) => string) => {
    const pair = (await crypto.subtle.generateKey(algorithm as unknown as 'Ed25519', true, [
      'sign',
      'verify',
    ])) as CryptoKeyPair
    const jwk = (await crypto.subtle.exportKey('jwk', pair.publicKey)) as JsonWebKey
    const der = new Uint8Array((await crypto.subtle.exportKey('spki', pair.publicKey)) as ArrayBuffer)
    const bytes = Uint8Array.from(atob(bytesOf(jwk).replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0))
    const signer: Signer = {
      key: { alg: alg as -8, bytes },
      sign: async (data) =>
        new Uint8Array(await crypto.subtle.sign(params as { name: string }, pair.privateKey, data as BufferSource)),
    }
    return { signer, jwk, der }
  }
  const rsa = { modulusLength: 2048, publicExponent: Uint8Array.of(1, 0, 1), hash: 'SHA-256' }
  const kinds = {
    EdDSA: () => webSigner(-8, { name: 'Ed25519' }, { name: 'Ed25519' }, ({ x = '' }) => x),
    PS256: () => webSigner(-37, { name: 'RSA-PSS', ...rsa }, { name: 'RSA-PSS', saltLength: 32 }, ({ n = '' }) => n),
    RS256: () => {
      const name = 'RSASSA-PKCS1-v1_5'
      return webSigner(-257, { name, ...rsa }, { name }, ({ n = '' }) => n)
    },
  }
  const pem = (der: Uint8Array) => {
    const base64 = btoa(String.fromCharCode(...der)).replaceAll(/(.{64})/g, '$1\n')
    return `-----BEGIN PUBLIC KEY-----\n${base64}\n-----END PUBLIC KEY-----\n`
  }

  it.each(Object.keys(kinds) as (keyof typeof kinds)[])('%s: registered as JWK and as PEM, and pushes', async (alg) => {
    for (const form of ['jwk', 'pem'] as const) {
      const device = await TestDevice.create()
      const { signer, jwk, der } = await kinds[alg]()
      const { kty, crv, x, n, e } = jwk
      const body = {
        ...{ device_id: device.id, country: 'SN', tenant: 'molam', owner_wallet: device.ownerWallet, alg },
        public_key: form === 'pem' ? pem(der) : JSON.parse(JSON.stringify({ kty, crv, x, n, e })),
        proof: await proofBy(signer, device.id, 'POST', '/offline/devices'),
      }
      await ok(call(admin, 'POST', '/offline/devices', body), 201)
      await use(device, signer)
      const made = await device.bundle([device.payment()], keys, { alg: signer.key.alg })
      expect((await pushed(made.bundle)).receipt.status).toBe('pushed')
      const wrong = await device.sign({ ...made.header, nonce: randomBytes(16), alg: -7 }, made.sealed)
      await expectRefusal(await push(wrong.bundle), 'invalid_signature', 'the header cannot choose the algorithm')
      const forged = new Uint8Array(made.bundle)
      forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1
      await expectRefusal(await push(forged), 'invalid_signature')
    }
  })

  it('a P-256 key as PEM is the same key as its JWK', async () => {
    const device = await registered()
    const point = device.signer.key.bytes
    const prefix = Uint8Array.from(atob('MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE'), (c) => c.charCodeAt(0))
    const body = {
      ...{ device_id: device.id, country: 'SN', tenant: 'molam', owner_wallet: device.ownerWallet },
      public_key: pem(new Uint8Array([...prefix, ...point.slice(1)])),
      proof: await device.proof('POST', `${ORIGIN}/offline/devices`),
    }
    expect(await ok(call(admin, 'POST', '/offline/devices', body))).toMatchObject({ kid: toHex(device.kid) })
  })

  it('key ids are the thumbprints of RFC 9679', async () => {
    // RFC 9679 §6: the example key, an EC2 key on P-256.
    const [x, y] = [
      '65eda5a12577c2bae829437fe338701a10aaa375e1bb5b5de108de439c08551d',
      '1e52ed75701163f7f9e40ddf9f341b3dc9ba860af7e0ca7ca7e9eecd0084d19c',
    ]
    const bytes = Uint8Array.from(`04${x}${y}`.match(/../g) ?? [], (hex) => Number.parseInt(hex, 16))
    const kid = await keyId(suite, { alg: -7, bytes })
    expect(toHex(kid)).toBe('496bd8afadf307e5b08c64b0421bf9dc01528a344a43bda88fadd1669da253ec'.slice(0, 16))
    expect(toBase64url(kid)).toHaveLength(11)
  })
})
