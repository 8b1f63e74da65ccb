import { describe, expect, it } from 'vitest'
import { decodeCbor, encodeCbor, MalformedCbor } from '../../../src/protocol/cbor.ts'
import { encodeConfirmations } from '../../../src/protocol/confirmations.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import type { SettleMessage } from '../../../src/protocol/messages.ts'
import { encodeSettleMessage, parseSettleMessage } from '../../../src/protocol/settle-codec.ts'
import { readCall } from '../../kit/confirmations.ts'

/** What people decided, and the keys of a device, on their way to the reconciler and back. */
const bundleId = new Uint8Array(16).fill(7)
const about = { deviceId: deviceId('POS-1'), bundleId, seq: 3, rev: 2, decidedAtMs: 1, actors: ['user:a', 'user:b'] }
const key = { alg: -7, kid: new Uint8Array(8), publicKey: new Uint8Array(65) } as const
const review: SettleMessage = {
  ...{ kind: 'review', ...about },
  choices: [
    { counter: 1, choice: 'approve' },
    { counter: 2, choice: 'reject' },
  ],
}
const reversal: SettleMessage = { kind: 'reversal', ...about, counter: 9, reason: 'service_not_rendered' }
const device: SettleMessage = {
  ...{ kind: 'device', deviceId: about.deviceId, rev: 2, ...key, status: 'active', country: 'SN', tenant: 't' },
  ...{
    ownerWallet: 'W-1',
    atMs: 1,
    olderKeys: [
      { ...key, fate: 'replaced' },
      { ...key, fate: 'revoked' },
    ],
  },
}

it.each([review, reversal, device])('$kind is read as it was written', (message) => {
  expect(parseSettleMessage(encodeSettleMessage(message))).toEqual(message)
})

it('a device without older keys is written as before there were any', () => {
  const { olderKeys: _, ...plain } = device as Extract<SettleMessage, { kind: 'device' }>
  expect(decodeCbor(encodeSettleMessage(plain))).not.toHaveProperty('11')
  expect(parseSettleMessage(encodeSettleMessage({ ...plain, olderKeys: [] }))).toEqual(plain)
})

describe('what is no resolution is refused', () => {
  const bent = (message: SettleMessage, at: number, value: unknown) => {
    const fields = new Map(decodeCbor(encodeSettleMessage(message)) as Map<number, never>)
    if (value === undefined) fields.delete(at)
    else fields.set(at, value as never)
    return encodeCbor(fields)
  }
  it.each([
    ['no resolutions', review, 7, []],
    [
      'a payment twice',
      review,
      7,
      [
        [1, 0],
        [1, 1],
      ],
    ],
    ['a choice that is none', review, 7, [[1, 4]]],
    ['counter 0', review, 7, [[0, 0]]],
    ['a bundle id of 15 bytes', review, 2, new Uint8Array(15)],
    ['seq 0', review, 3, 0],
    ['rev 0', review, 4, 0],
    ['nobody', review, 6, []],
    ['three people', review, 6, ['a', 'b', 'c']],
    ['a name without an end', review, 6, ['x'.repeat(161)]],
    ['no time', review, 5, undefined],
    ['a member too many', review, 8, 'x'],
    ['a reversal of nothing', reversal, 7, 0],
    ['a reversal without a reason', reversal, 8, ''],
    ['no list of keys', device, 11, []],
    ['a key of another length', device, 11, [[-7, new Uint8Array(7), new Uint8Array(65)]]],
    ['a key of no algorithm', device, 11, [[-6, new Uint8Array(8), new Uint8Array(65)]]],
    ['another kind', review, 0, 5],
  ] as const)('%s', (_, message, at, value) => {
    expect(() => parseSettleMessage(bent(message, at, value))).toThrow(MalformedCbor)
  })
})

it('its confirmation is read as it was written', () => {
  const confirmation = { kind: 'resolution_recorded', deviceId: about.deviceId, rev: 2 } as const
  expect(readCall(encodeConfirmations([confirmation]))).toEqual([confirmation])
})
