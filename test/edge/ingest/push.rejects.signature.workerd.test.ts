import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { encodeBundleHeader } from '../../../src/protocol/bundle.ts'
import { encodeSign1, sigStructure } from '../../../src/protocol/cose.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import type { Problem } from '../../../src/protocol/problems.ts'
import { dumpObject, dumpReadModel, recordQueues, select } from '../../durable-objects/device/kit.ts'
import { type Made, randomBytes, TestDevice } from '../../kit/device.ts'
import { twin } from '../../vectors/suites.ts'
import { expectRefusal, keySet, push, pushed, registered } from '../kit.ts'

/** Check 3 of docs/protocol.md §7.1: before the signature holds, one answer says nothing and nothing is written. */
let keys: KeySet
let device: TestDevice
let made: Made
let restore: () => void
let untouched: { object: string; d1: string }

beforeAll(async () => {
  ;({ restore } = await recordQueues())
  keys = await keySet()
})
afterAll(() => restore())
beforeEach(async () => {
  device = await registered()
  made = await device.bundle([device.payment()], keys)
  untouched = { object: await dumpObject(device), d1: await dumpReadModel() }
})

async function refused(body: Uint8Array, what?: string): Promise<Problem> {
  const problem = await expectRefusal(await push(body), 'invalid_signature', what)
  expect(await dumpObject(device), what).toBe(untouched.object)
  expect(await dumpReadModel(), what).toBe(untouched.d1)
  return problem
}

it('an unknown device is refused, and its object makes no table', async () => {
  const unknown = await TestDevice.create()
  const bundle = await unknown.bundle([unknown.payment()], keys)
  await refused(bundle.bundle)
  const tables = "SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'"
  expect(await select(unknown, tables)).toEqual([])
})

it('an unknown device, a wrong key id and a bad signature get the same answer, byte for byte', async () => {
  const unknown = await TestDevice.create()
  const answers = [
    await refused((await unknown.bundle([unknown.payment()], keys)).bundle),
    await refused((await device.sign({ ...made.header, kid: randomBytes(8) }, made.sealed)).bundle),
    await refused((await device.sign(made.header, made.sealed, unknown.signer)).bundle),
  ]
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
})

it.each([-37, -257, -8] as const)(
  'alg %i is refused although the signature holds: the key was registered for another',
  async (alg) => {
    await refused((await device.sign({ ...made.header, alg }, made.sealed)).bundle)
  },
)

it('the signature of another registered device is refused, under its own key id and under the device’s', async () => {
  const thief = await registered()
  untouched.d1 = await dumpReadModel()
  await refused((await device.sign(made.header, made.sealed, thief.signer)).bundle, 'own key id')
  await refused((await device.sign({ ...made.header, kid: thief.kid }, made.sealed, thief.signer)).bundle, 'thief’s')
})

it('a signature over another kind of object is refused', async () => {
  const kinds = ['molam-device-proof-v1', 'molam-receipt-v1', 'molam-payer-authorization-v1'] as const
  for (const kind of kinds) {
    const header = encodeBundleHeader(made.header)
    await refused(await signedAs(sigStructure(header, made.sealed, kind)), kind)
  }
})

it('the same signature with the high s is refused: a valid bundle cannot be altered into another valid one', async () => {
  const signature = made.bundle.slice(-64)
  const high = made.bundle.slice()
  high.set(twin(signature), high.length - 64)
  await refused(high)
})

it.each([0, 63, 65, 72])('a signature of %i bytes is refused', async (length) => {
  const protectedBytes = encodeBundleHeader(made.header)
  await refused(encodeSign1({ protectedBytes, payload: made.sealed, signature: randomBytes(length) }))
})

it.each([
  ['zeros', new Uint8Array(64)],
  ['ones', new Uint8Array(64).fill(0xff)],
])('a signature of %s is refused', async (_, signature) => {
  await refused(encodeSign1({ protectedBytes: encodeBundleHeader(made.header), payload: made.sealed, signature }))
})

it('a bundle altered in any one byte is refused, and nothing of it is kept', async () => {
  const sealedAt = indexOf(made.bundle, made.sealed)
  for (let at = 0; at < made.bundle.length; at++) {
    const altered = made.bundle.slice()
    altered[at] = (altered[at] ?? 0) ^ (at % 2 === 0 ? 0x01 : 0x80)
    const response = await push(altered)
    const { code } = (await response.json()) as Problem
    // Framing and header may break; inside the sealed part and the signature nothing but the signature can notice.
    const opaque = (at >= sealedAt && at < sealedAt + made.sealed.length) || at >= made.bundle.length - 64
    if (opaque) expect(code, `byte ${at}`).toBe('invalid_signature')
    else expect(['malformed_bundle', 'unsupported_version', 'invalid_signature'], `byte ${at}`).toContain(code)
  }
  expect(await dumpObject(device)).toBe(untouched.object)
  expect(await dumpReadModel()).toBe(untouched.d1)
  expect((await pushed(made.bundle)).receipt.seq, 'unaltered').toBe(1)
})

it('any header field changed after signing is refused', async () => {
  const signature = made.bundle.slice(-64)
  const other = { signedAtMs: made.header.signedAtMs + 1000, bundleId: randomBytes(16), seq: 2, relay: true }
  for (const [name, value] of Object.entries({ ...other, prev: randomBytes(16), nonce: randomBytes(16) })) {
    const protectedBytes = encodeBundleHeader({ ...made.header, [name]: value })
    await refused(encodeSign1({ protectedBytes, payload: made.sealed, signature }), name)
  }
})

async function signedAs(input: Uint8Array): Promise<Uint8Array> {
  const protectedBytes = encodeBundleHeader(made.header)
  return encodeSign1({ protectedBytes, payload: made.sealed, signature: await device.signer.sign(input) })
}

function indexOf(bytes: Uint8Array, part: Uint8Array): number {
  for (let at = 0; at + part.length <= bytes.length; at++) {
    if (part.every((byte, i) => byte === bytes[at + i])) return at
  }
  throw new Error('not contained')
}
