import { beforeAll, expect, it } from 'vitest'
import { concatBytes } from '../../../src/protocol/bytes.ts'
import { encodeCbor } from '../../../src/protocol/cbor.ts'
import { encodeSign1, parseSign1 } from '../../../src/protocol/cose.ts'
import type { ProblemCode } from '../../../src/protocol/problems.ts'
import { recordQueues } from '../../durable-objects/device/kit.ts'
import { keySet, push, registered } from '../../edge/kit.ts'
import { type Made, randomBytes, type TestDevice } from '../../kit/device.ts'
import { everyOne, type Field, fieldsOf, headerOf } from './kit.ts'

/**
 * Two good bundles of two devices, and every part of the one changed in four ways while its signature stays: the part of
 * the other, none at all, another one of the same form, and something of another form. Nothing of it may be admitted.
 */
const FIELDS = ['alg', 'kid', 'iss', 'iat', 'cti', 'v', 'seq', 'prev', 'nonce', 'relay'] as const
const PARTS = ['payload', 'signature'] as const
const CHANGES = ['swapped', 'removed', 'altered', 'retyped'] as const
type Change = (typeof CHANGES)[number]

const REFUSALS: readonly ProblemCode[] = ['invalid_signature', 'malformed_bundle', 'unsupported_version']

let devices: [TestDevice, TestDevice]
let bundles: [Made, Made]
beforeAll(async () => {
  await recordQueues()
  devices = [await registered(), await registered()]
  const keys = await keySet()
  bundles = [
    await devices[0].bundle([devices[0].payment()], keys),
    // Another seq and prev than the first one's, too.
    await devices[1].bundle([devices[1].payment()], keys, {
      seq: 7,
      prev: randomBytes(16),
      signedAtMs: Date.now() - 9e4,
    }),
  ]
})

/** Of the same form, and another value. */
const ALTERED: Record<Field, Uint8Array> = {
  alg: encodeCbor(-37),
  kid: encodeCbor(new Uint8Array(8).fill(9)),
  iss: encodeCbor('POS-UNKNOWN'),
  iat: encodeCbor(Math.floor(Date.now() / 1000) - 5),
  cti: encodeCbor(new Uint8Array(16).fill(1)),
  v: encodeCbor(2),
  seq: encodeCbor(2),
  prev: encodeCbor(new Uint8Array(16).fill(2)),
  nonce: encodeCbor(new Uint8Array(16).fill(3)),
  relay: encodeCbor(1),
}

function changedHeader(field: Field, change: Change): Uint8Array | undefined {
  const [mine, theirs] = bundles.map(({ header }) => fieldsOf(header)) as [
    Map<Field, Uint8Array>,
    Map<Field, Uint8Array>,
  ]
  // A good bundle has no `relay`, alg and v are the same in all: what cannot be swapped or removed is set instead.
  const swapped = {
    ...Object.fromEntries(theirs),
    alg: encodeCbor(-8),
    v: encodeCbor(0),
    relay: encodeCbor(1),
  } as Record<Field, Uint8Array>
  switch (change) {
    case 'swapped':
      return headerOf(mine.set(field, swapped[field]))
    case 'removed':
      if (field === 'relay') return headerOf(mine.set(field, encodeCbor(false)))
      mine.delete(field)
      return headerOf(mine)
    case 'altered':
      return headerOf(mine.set(field, field === 'relay' ? encodeCbor(2) : ALTERED[field]))
    case 'retyped':
      return headerOf(mine.set(field, encodeCbor([])))
  }
}

function changedPart(part: (typeof PARTS)[number], change: Change): Uint8Array {
  const [mine, theirs] = [parseSign1(bundles[0].bundle), parseSign1(bundles[1].bundle)]
  const bytes = mine[part]
  const flipped = bytes.map((byte, i) => (i === bytes.length - 1 ? byte ^ 1 : byte))
  const values = {
    swapped: theirs[part],
    removed: new Uint8Array(),
    altered: flipped,
    retyped: concatBytes(bytes, bytes),
  }
  return encodeSign1({ ...mine, [part]: values[change] })
}

it('12 fields × 4 changes: refused, every one, and nothing is written', async () => {
  const matrix = [...FIELDS, ...PARTS].flatMap((field) => CHANGES.map((change) => [field, change] as const))
  expect(matrix).toHaveLength(48)
  const good = parseSign1(bundles[0].bundle)
  const seen = new Set<string>()
  await everyOne(matrix, devices, async ([field, change]) => {
    const bytes =
      field === 'payload' || field === 'signature'
        ? changedPart(field, change)
        : encodeSign1({ ...good, protectedBytes: changedHeader(field, change) ?? good.protectedBytes })
    expect(bytes, `${field} ${change}`).not.toEqual(bundles[0].bundle)
    seen.add(bytes.join())
    return [`${field} ${change}`, await push(bytes), REFUSALS]
  })
  expect(seen.size).toBeGreaterThanOrEqual(46)
})

it('and the two that were not changed are admitted', async () => {
  for (const { bundle } of bundles) expect((await push(bundle)).status).toBe(200)
})
