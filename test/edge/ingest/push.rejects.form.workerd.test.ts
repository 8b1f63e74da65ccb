import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { concatBytes, toBase64url } from '../../../src/protocol/bytes.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { BUNDLE_BYTES_MAX } from '../../../src/protocol/limits.ts'
import type { ProblemCode } from '../../../src/protocol/problems.ts'
import { dumpObject, dumpReadModel, recordQueues } from '../../durable-objects/device/kit.ts'
import type { Made, TestDevice } from '../../kit/device.ts'
import { expectRefusal, keySet, push, pushed, registered } from '../kit.ts'
import { assembledHeader, badEnvelopes, badHeaders, envelope, headerParts, protectedOf } from './bad-bundles.ts'

/** Checks 1 and 2 of docs/protocol.md §7.1: whatever arrives gets its problem code, and nothing is written. */
let device: TestDevice
let keys: KeySet
let made: Made
let untouched: { object: string; d1: string }
let restore: () => void

beforeAll(async () => {
  ;({ restore } = await recordQueues())
  keys = await keySet()
  device = await registered()
  made = await device.bundle([device.payment()], keys)
  untouched = { object: await dumpObject(device), d1: await dumpReadModel() }
})
afterAll(async () => {
  // The bundle that all of these were made from is a good one: what was refused was refused for its form.
  expect((await pushed(made.bundle)).receipt.seq).toBe(1)
  restore()
})

async function refused(body: BodyInit | Uint8Array, code: ProblemCode, what: string, headers = {}): Promise<void> {
  await expectRefusal(await push(body, headers), code, what)
}
async function expectUntouched(): Promise<void> {
  expect(await dumpObject(device)).toBe(untouched.object)
  expect(await dumpReadModel()).toBe(untouched.d1)
}

describe('413 and 415', () => {
  it('one byte more than 64 KiB is too large; 64 KiB is not', async () => {
    const tooLarge = new Uint8Array(BUNDLE_BYTES_MAX + 1)
    await refused(tooLarge, 'bundle_too_large', 'declared')
    await refused(tooLarge.slice(1), 'malformed_bundle', '64 KiB')
    await expectUntouched()
  })

  it('a stream without a declared length is read no further than the bound', async () => {
    let sent = 0
    const stream = new ReadableStream({
      pull(controller) {
        sent += 16_384
        if (sent > 16 * 1024 * 1024) controller.close()
        else controller.enqueue(new Uint8Array(16_384))
      },
    })
    await refused(stream, 'bundle_too_large', 'streamed')
    expect(sent).toBeLessThan(4 * 1024 * 1024)
    await expectUntouched()
  })

  it('the JSON form has the same bound for the bundle that it carries', async () => {
    const json = (length: number) => JSON.stringify({ bundle: toBase64url(new Uint8Array(length)) })
    const headers = { 'content-type': 'application/json' }
    await refused(json(BUNDLE_BYTES_MAX + 1), 'bundle_too_large', 'bundle', headers)
    await refused(json(BUNDLE_BYTES_MAX), 'malformed_bundle', '64 KiB', headers)
    await refused(' '.repeat(100_000), 'bundle_too_large', 'body', headers)
    await expectUntouched()
  })

  it('no other media type is taken, whatever it carries', async () => {
    for (const type of ['', 'application/cbor', 'text/plain', 'application/jsonx', 'multipart/form-data; boundary=x']) {
      await refused(made.bundle, 'unsupported_media_type', type, { 'content-type': type })
    }
    await expectUntouched()
  })
})

describe('malformed_bundle', () => {
  it('a bundle cut at any byte', async () => {
    for (let length = 0; length < made.bundle.length; length++) {
      await refused(made.bundle.slice(0, length), 'malformed_bundle', `cut at ${length}`)
    }
    await expectUntouched()
  })

  it('bytes after the bundle, and two bundles in one body', async () => {
    await refused(concatBytes(made.bundle, Uint8Array.of(0)), 'malformed_bundle', 'one byte more')
    await refused(concatBytes(made.bundle, made.bundle), 'malformed_bundle', 'twice')
    await expectUntouched()
  })

  it('but a header assembled by hand is well-formed when nothing in it is bent', async () => {
    await refused(envelope(assembledHeader(made, 'good'), made), 'invalid_signature', 'good')
    await expectUntouched()
  })

  it.each(badEnvelopes())('%s', async (what, bend) => {
    await refused(bend(made), 'malformed_bundle', what)
    await expectUntouched()
  })

  it.each(badHeaders())('a header with %s', async (what, bend) => {
    const parts = headerParts(made)
    bend(parts)
    await refused(envelope(protectedOf(parts), made), 'malformed_bundle', what)
    await expectUntouched()
  })

  it.each([
    ['no JSON', '{'],
    ['bad UTF-8', Uint8Array.of(0x22, 0xff, 0x22)],
    ['null', 'null'],
    ['an array', '["AA"]'],
    ['no bundle', '{}'],
    ['a number', '{"bundle":1}'],
    ['another member', '{"bundle":"AA","x":1}'],
    ['padding', '{"bundle":"AA=="}'],
    ['plain base64', '{"bundle":"+/+/"}'],
    ['white space', '{"bundle":"AA AA"}'],
    ['stray bits', '{"bundle":"AB"}'],
  ])('JSON that is %s', async (what, body) => {
    await refused(body, 'malformed_bundle', what, { 'content-type': 'application/json' })
    await expectUntouched()
  })
})

describe('unsupported_version', () => {
  it('a later version, or none that exists, whatever else it says', async () => {
    for (const version of [0, 2, 255]) {
      const parts = headerParts(made)
      parts.claims.set('v', version).set('new', 'field')
      await refused(envelope(protectedOf(parts), made), 'unsupported_version', `v ${version}`)
    }
    await expectUntouched()
  })
})

describe('invalid_request', () => {
  it.each(['molam-cursor', 'molam-policy-version', 'molam-keys-version'])('%s is no number', async (name) => {
    for (const value of ['-1', '1.5', '01', 'x', '1e3', '9'.repeat(16)]) {
      await refused(made.bundle, 'invalid_request', value, { [name]: value })
    }
    await expectUntouched()
  })
})
