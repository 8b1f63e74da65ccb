import { expect, test } from 'vitest'
import { seenBySyncs } from '../../bench/edge/figures/seen.ts'
import type { Push } from '../../bench/edge/fleet.ts'
import { encodeCbor } from '../../src/protocol/cbor.ts'
import { encodeSign1 } from '../../src/protocol/cose.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { encodeNotice, encodePushResponse } from '../../src/protocol/notice.ts'

const push = (lastCounter: number): Push => ({
  ...{ bundleId: '0', deviceId: 'POS-1', lastCounter },
  ...{ request: new Uint8Array(), confirmations: { deviceId: 'POS-1', own: new Uint8Array() } },
})

/** An answer whose notice tells of these counters. */
function answer(...counters: readonly number[]): Uint8Array {
  const outcomes = counters.map((counter) => ({ counter, status: 'succeeded' as const, atMs: 1 }))
  const payload = encodeNotice({ deviceId: deviceId('POS-1'), serverTimeMs: 1, outcomes, cursor: 0 })
  const signed = encodeSign1({ protectedBytes: encodeCbor(new Map([[1, -7]])), payload, signature: new Uint8Array(64) })
  return encodePushResponse(signed, signed)
}

test('outcomes that come with the next push were seen after one sync', () => {
  const pushes = [push(50), push(100), push(150)]
  expect(seenBySyncs(pushes, [answer(50), answer(100)], 1)).toEqual({ pushes: 2, p50: 1, max: 1 })
})

test('outcomes that come one push late took two syncs', () => {
  const pushes = [push(50), push(100), push(150)]
  expect(seenBySyncs(pushes, [answer(), answer(), answer(50, 100)], 0)).toMatchObject({ pushes: 2, max: 2 })
})

test('outcomes that never come count with the syncs that did not bring them', () => {
  expect(seenBySyncs([push(50), push(100)], [answer(), answer()], 0)).toEqual({ pushes: 1, p50: 2, max: 2 })
})
