import { beforeAll, expect, it } from 'vitest'
import { signSign1 } from '../../../src/crypto/sign1.ts'
import { BUNDLE_MEDIA_TYPE } from '../../../src/protocol/bundle.ts'
import { fromHex, toBase64url, utf8 } from '../../../src/protocol/bytes.ts'
import { decodeCbor } from '../../../src/protocol/cbor.ts'
import { prevOf } from '../../../src/protocol/chain.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { parse } from '../../../src/protocol/parse.ts'
import { recordQueues } from '../../durable-objects/device/kit.ts'
import { keySet, ORIGIN, push, pushed, registered, SELF } from '../../edge/kit.ts'
import { admin, call } from '../../edge/routes/kit.ts'
import { TestDevice } from '../../kit/device.ts'
import { CBOR_AMOUNTS, JSON_AMOUNTS } from './amounts.ts'
import { BAD_BASE64URL } from './base64url.ts'
import { CBOR_BOMBS, JSON_BOMBS } from './bombs.ts'
import { badKeys } from './enrolment-keys.ts'
import { HEADER_IDS, PATH_IDS } from './ids.ts'
import { everyOne, type Field, fieldsOf, headerOf, payloadWith } from './kit.ts'
import { BASE_TIMES, QUERY_TIMES, SIGNED_AT } from './timestamps.ts'

/** Every entry of the corpus gets its 4xx, none writes anything, none is answered with a 500. */
let keys: KeySet
beforeAll(async () => {
  // Alarms and messages of devices made here must not change what is compared.
  await recordQueues()
  keys = await keySet()
})

/** Devices take 60 pushes a minute. */
const groups = <T>(entries: readonly T[]) =>
  Array.from({ length: Math.ceil(entries.length / 40) }, (_, i) => entries.slice(40 * i, 40 * i + 40))

async function sealed(entries: readonly (readonly [what: string, hex: string])[], place: 'amount' | 'base_time') {
  for (const group of groups(entries)) {
    const device = await registered()
    await everyOne(group, [device], async ([what, hex]) => {
      const made = await device.sealBytes(payloadWith(place, hex), keys)
      return [what, await push(made.bundle), ['invalid_payload']]
    })
  }
}

/** CBOR as it must be, with another value in the place of an amount: that payment is refused and nothing else. */
const isCbor = (hex: string) => parse(() => decodeCbor(fromHex(hex))).ok
async function refusedAlone(entries: readonly (readonly [what: string, hex: string])[]) {
  const device = await registered()
  for (const [what, hex] of entries) {
    const { seq, prev } = device
    const made = await device.sealBytes(payloadWith('amount', hex), keys, { seq, prev })
    Object.assign(device, { seq: seq + 1, prev: prevOf(made.digest) })
    const { receipt } = await pushed(made.bundle)
    const reason = seq === 1 ? 'invalid_payment' : 'duplicate'
    expect(receipt, what).toMatchObject({ status: 'rejected', exceptions: [{ decision: 'refused', reason }] })
  }
}

/** A bundle whose header is signed by its device, with any bytes in the place of one field. */
async function signedWith(device: TestDevice, field: Field, hex: string): Promise<Uint8Array> {
  const made = await device.sealBytes(payloadWith('amount', '1909c4'), keys)
  const header = headerOf(fieldsOf(made.header).set(field, fromHex(hex)))
  return signSign1(device.signer, header, made.sealed, '')
}

it('60 amounts', async () => {
  expect(CBOR_AMOUNTS.length + JSON_AMOUNTS.length).toBeGreaterThanOrEqual(60)
  await sealed(
    CBOR_AMOUNTS.filter(([, hex]) => !isCbor(hex)),
    'amount',
  )
  await refusedAlone(CBOR_AMOUNTS.filter(([, hex]) => isCbor(hex)))
  const path = '/offline/policies/proposals'
  await everyOne(JSON_AMOUNTS, [], async ([what, json]) => {
    const body = `{"country":"SN","after_version":1,"reason":"corpus","changes":{"max_offline_amount":${json}}}`
    return [what, await call(admin, 'POST', path, body), ['invalid_request']]
  })
})

it('40 timestamps', async () => {
  expect(SIGNED_AT.length + BASE_TIMES.length + QUERY_TIMES.length).toBeGreaterThanOrEqual(40)
  const device = await registered()
  await everyOne(SIGNED_AT, [device], async ([what, hex, code]) => {
    return [what, await push(await signedWith(device, 'iat', hex)), [code]]
  })
  await sealed(BASE_TIMES, 'base_time')
  for (const where of [
    '/offline/audit?from=',
    '/offline/audit?limit=',
    '/offline/bundles?to=',
    '/offline/reviews?limit=',
  ]) {
    await everyOne(QUERY_TIMES, [], async (text) => {
      return [where + text, await call(admin, 'GET', where + text), ['invalid_request']]
    })
  }
})

it('40 ids and nonces', async () => {
  expect(HEADER_IDS.length + PATH_IDS.length).toBeGreaterThanOrEqual(40)
  const device = await registered()
  await everyOne(HEADER_IDS, [device], async ([field, what, hex]) => {
    return [`${field} ${what}`, await push(await signedWith(device, field as Field, hex)), ['malformed_bundle']]
  })
  await everyOne(PATH_IDS, [device], async (path) => [path, await call(admin, 'GET', path), ['not_found']])
})

it('25 ways to write base64url: bundles, proofs and keys', async () => {
  expect(BAD_BASE64URL.length).toBeGreaterThanOrEqual(25)
  const [device, other] = [await registered(), await TestDevice.create()]
  const good = toBase64url((await device.bundle([device.payment()], keys)).bundle)
  await everyOne(BAD_BASE64URL, [device, other], async ([what, bend]) => {
    const body = JSON.stringify({ bundle: bend(good) })
    return [what, await push(body, { 'content-type': 'application/json' }), ['malformed_bundle']]
  })
  const proof = await device.proof('GET', `${ORIGIN}/offline/notice`)
  // What a header cannot carry, or loses on the way, is no entry.
  const headers = BAD_BASE64URL.filter(([, bend]) => /^[\t\x21-\x7e][\t\x20-\x7e]*[\x21-\x7e]$/.test(bend(proof)))
  await everyOne(headers, [device, other], async ([what, bend]) => {
    const authorization = `Molam-Device ${bend(proof)}`
    const response = await SELF.fetch(`${ORIGIN}/offline/notice`, { headers: { authorization } })
    return [`proof, ${what}`, response, ['invalid_signature']]
  })
  const path = '/offline/devices'
  const body = async (over: object) => ({
    ...{ device_id: other.id, country: 'SN', tenant: 'molam', owner_wallet: other.ownerWallet, ...over },
    proof: await other.proof('POST', ORIGIN + path),
  })
  await everyOne(BAD_BASE64URL, [device, other], async ([what, bend]) => {
    const { x, ...rest } = other.jwk()
    return [what, await call(admin, 'POST', path, await body({ public_key: { ...rest, x: bend(x) } })), ['weak_key']]
  })
})

it('50 enrolment keys', async () => {
  const device = await TestDevice.create()
  const entries = badKeys(device.jwk())
  expect(entries.length).toBeGreaterThanOrEqual(50)
  await everyOne(entries, [device], async ({ name, ...key }) => {
    const body = {
      ...{ device_id: device.id, country: 'SN', tenant: 'molam', owner_wallet: device.ownerWallet, ...key },
      proof: await device.proof('POST', `${ORIGIN}/offline/devices`),
    }
    return [name, await call(admin, 'POST', '/offline/devices', body), ['weak_key']]
  })
})

it('12 bombs, each answered at once', async () => {
  expect(CBOR_BOMBS.length + JSON_BOMBS.length).toBeGreaterThanOrEqual(12)
  const device = await registered()
  const startMs = performance.now()
  await everyOne(CBOR_BOMBS, [device], async ([what, bytes]) => {
    return [what, await push(bytes(), { 'content-type': BUNDLE_MEDIA_TYPE }), ['malformed_bundle']]
  })
  // The same, signed: sealed as what a device says it sells.
  await everyOne(CBOR_BOMBS, [device], async ([what, bytes]) => {
    const made = await device.sealBytes(bytes().slice(0, 60_000), keys)
    return [`sealed, ${what}`, await push(made.bundle), ['invalid_payload']]
  })
  await everyOne(JSON_BOMBS, [device], async ([what, bytes]) => {
    const path = `/offline/devices/${device.id}/suspend`
    const text = new TextDecoder().decode(bytes())
    return [what, await call(admin, 'POST', path, text), ['invalid_request', 'bundle_too_large']]
  })
  await everyOne(JSON_BOMBS, [device], async ([what, bytes]) => {
    const response = await push(bytes() as Uint8Array, { 'content-type': 'application/json' })
    return [`push, ${what}`, response, ['malformed_bundle', 'bundle_too_large']]
  })
  await everyOne([1], [device], async () => {
    const body = utf8(JSON.stringify({ bundle: 'A'.repeat(200_000) }))
    return ['a large body', await push(body, { 'content-type': 'application/json' }), ['bundle_too_large']]
  })
  expect(performance.now() - startMs).toBeLessThan(20_000)
})
