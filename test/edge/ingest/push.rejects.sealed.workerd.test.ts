import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { encodeSealed, parseSealed, type Sealed } from '../../../src/protocol/bundle.ts'
import { utf8 } from '../../../src/protocol/bytes.ts'
import { type CborValue, encodeCbor, Tagged } from '../../../src/protocol/cbor.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import type { ProblemCode } from '../../../src/protocol/problems.ts'
import { dumpObject, dumpReadModel, recordQueues } from '../../durable-objects/device/kit.ts'
import { type Made, randomBytes, sealKey, type TestDevice } from '../../kit/device.ts'
import { badPayloads, badPayments, GOOD_PAYLOAD } from '../../protocol/bad-payloads.ts'
import { expectRefusal, keySet, push, pushed, registered } from '../kit.ts'

/** Check 7 of docs/protocol.md §7.1: the signature holds, what is sealed is not for us. Nothing is written. */
let keys: KeySet
let device: TestDevice
let restore: () => void

beforeAll(async () => {
  ;({ restore } = await recordQueues())
  keys = await keySet()
})
afterAll(() => restore())
beforeEach(async () => {
  device = await registered()
})

async function refused(made: Made, code: ProblemCode, what?: string): Promise<void> {
  const before = [await dumpObject(device), await dumpReadModel()]
  await expectRefusal(await push(made.bundle), code, what)
  expect([await dumpObject(device), await dumpReadModel()], what).toEqual(before)
}

const payload = () => ({ currency: currency('XOF'), entries: [device.payment()] })
/** The key set of a device that believes this key to be the active one. */
const believing = (key: KeySet['keys'][number]): KeySet => ({ ...keys, keys: [{ ...key, state: 'active' }] })

describe('unknown_recipient_key', () => {
  it('sealed to a retired key, or to one that never was: rebuild with a key of today', async () => {
    await refused(await device.seal(payload(), believing(sealKey(keys, 'retired'))), 'unknown_recipient_key')
    const stranger = { ...sealKey(keys, 'active'), kid: randomBytes(8) }
    await refused(await device.seal(payload(), believing(stranger)), 'unknown_recipient_key')
    const receiptKey = keys.keys.find(({ use }) => use === 'receipt')
    if (receiptKey === undefined) throw new Error('no receipt key')
    const misused = believing({ ...receiptKey, use: 'seal' })
    await refused(await device.seal(payload(), misused), 'unknown_recipient_key', 'a key for receipts opens nothing')
  })

  it('but a key that is retiring still opens what was sealed before', async () => {
    const made = await device.seal(payload(), believing(sealKey(keys, 'retiring')))
    expect((await pushed(made.bundle)).receipt.exceptions).toEqual([])
  })
})

describe('undecryptable', () => {
  const bent: [string, (sealed: Sealed) => Uint8Array][] = [
    ['an altered ciphertext', (s) => encodeSealed({ ...s, ciphertext: flip(s.ciphertext, 0) })],
    ['an altered tag', (s) => encodeSealed({ ...s, ciphertext: flip(s.ciphertext, s.ciphertext.length - 1) })],
    ['a cut ciphertext', (s) => encodeSealed({ ...s, ciphertext: s.ciphertext.slice(0, -1) })],
    ['a ciphertext shorter than its tag', (s) => encodeSealed({ ...s, ciphertext: s.ciphertext.slice(0, 15) })],
    ['an empty ciphertext', (s) => encodeSealed({ ...s, ciphertext: new Uint8Array() })],
    ['an encapsulated key off the curve', (s) => encodeSealed({ ...s, encapsulatedKey: flip(s.encapsulatedKey, 64) })],
    ['the point at infinity', (s) => encodeSealed({ ...s, encapsulatedKey: new Uint8Array(65) })],
    ['another encapsulated key', (s) => encodeSealed({ ...s, encapsulatedKey: sealKey(keys, 'retiring').publicKey })],
    ['the key id of the other key', (s) => encodeSealed({ ...s, recipientKid: sealKey(keys, 'retiring').kid })],
    ['no encryption at all', () => encodeCbor([1, 1, 'XOF', [], [null]])],
    ['no CBOR', () => randomBytes(40)],
    ['nothing', () => new Uint8Array()],
    ['the tag of a signature', (s) => encodeCbor(new Tagged(18, [protectedAlg(45), unprotected(s), s.ciphertext]))],
    ['another HPKE suite', (s) => encodeCbor(new Tagged(16, [protectedAlg(35), unprotected(s), s.ciphertext]))],
    ['a fourth part', (s) => encodeCbor(new Tagged(16, [protectedAlg(45), unprotected(s), s.ciphertext, null]))],
  ]
  it.each(bent)('%s, although its device signed it', async (what, bend) => {
    const header = device.header()
    const good = await device.seal(payload(), keys, header)
    await refused(await device.sign(header, bend(parseSealed(good.sealed))), 'undecryptable', what)
    expect((await pushed(good.bundle)).receipt.seq, 'unbent').toBe(1)
  })

  it('what another device sealed, signed by this one: the seal is bound to its device, bundle and sequence', async () => {
    const victim = await registered()
    const stolen = await victim.seal({ currency: currency('XOF'), entries: [victim.payment()] }, keys)
    const { bundleId, seq } = stolen.header
    await refused(await device.sign(device.header({ bundleId, seq }), stolen.sealed), 'undecryptable')
    const own = await device.seal(payload(), keys)
    await refused(
      await device.sign(device.header({ bundleId: own.header.bundleId, seq: 2 }), own.sealed),
      'undecryptable',
    )
    await refused(await device.sign(device.header({ seq: 1 }), own.sealed), 'undecryptable', 'another bundle id')
  })
})

describe('invalid_payload', () => {
  it('sealed garbage, of any length', async () => {
    for (const length of [0, 1, 2, 100, 5000]) {
      await refused(await device.sealBytes(randomBytes(length).fill(0xf9, 0, 1), keys), 'invalid_payload', `${length}`)
    }
    await refused(await device.sealBytes(utf8('{"payments":[]}'), keys), 'invalid_payload')
  })

  it('every rule of what is sealed, broken one at a time', async () => {
    for (const [i, [what, bytes]] of badPayloads().entries()) {
      // One device may push 60 times a minute.
      if (i % 40 === 39) device = await registered()
      await refused(await device.sealBytes(bytes, keys), 'invalid_payload', what)
    }
  })
})

describe('a payment that is not valid', () => {
  it('is refused alone, with its reason: ninety-nine others are taken', async () => {
    const entries = Array.from({ length: 100 }, () => device.payment({ amount: amountMinor(100) }))
    const made = await device.bundle(
      entries.map((entry, i) => (i === 56 ? { ...entry, approval: new Uint8Array(641) } : entry)),
      keys,
    )
    const { receipt } = await pushed(made.bundle)
    const invalid = receipt.exceptions.filter(({ reason }) => reason === 'invalid_payment')
    expect(invalid).toEqual([{ counter: 57, decision: 'refused', reason: 'invalid_payment' }])
    expect([receipt.firstCounter, receipt.lastCounter]).toEqual([1, 100])
  })

  it('whatever is wrong in it', async () => {
    for (const [what, bytes] of badPayments()) {
      const one = await registered()
      const { receipt } = await pushed((await one.sealBytes(bytes, keys)).bundle)
      expect(receipt.exceptions, what).toEqual([{ counter: 1, decision: 'refused', reason: 'invalid_payment' }])
    }
  })

  it('what is wrong with all of them is named: field and entry', async () => {
    const [first, time, code, parties] = GOOD_PAYLOAD
    const payments = [[1, 100, 0, 1, 0], null, [1, 100, 0, 1, '7']]
    const made = await device.sealBytes(encodeCbor([first, time, code, parties, payments] as CborValue[]), keys)
    const { detail } = await expectRefusal(await push(made.bundle), 'invalid_payload')
    expect(detail).toBe('payments[2].elapsed')
    const voided = await device.sealBytes(encodeCbor([1, 5, 'XOF', [], [null]]), keys)
    expect((await expectRefusal(await push(voided.bundle), 'invalid_payload')).detail).toBe('base_time')
  })
})

const protectedAlg = (alg: number) => encodeCbor(new Map([[1, alg]]))
const unprotected = ({ recipientKid, encapsulatedKey }: Sealed) =>
  new Map([
    [4, recipientKid],
    [-4, encapsulatedKey],
  ])

function flip(bytes: Uint8Array, at: number): Uint8Array {
  const out = bytes.slice()
  out[at] = (out[at] ?? 0) ^ 1
  return out
}
