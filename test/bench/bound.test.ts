import { expect, test } from 'vitest'
import { settledIn } from '../../bench/bound/confirmations.ts'
import { decodeCbor } from '../../src/protocol/cbor.ts'
import { encodeConfirmations } from '../../src/protocol/confirmations.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { outcomeFromCbor } from '../../src/protocol/notice.ts'

test('the bound finds each settled bundle of an outcomes call, with its outcomes as they came', () => {
  const subject = (seq: number) => ({ deviceId: deviceId('POS-1'), bundleId: new Uint8Array(16).fill(seq), seq })
  const outcomes = Array.from({ length: 30 }, (_, index) => ({
    ...{ counter: 1 + 300 * index, status: 'succeeded' as const, atMs: 1_764_000_000_000 + index },
    transferId: '0198c0de-0000-7000-8000-00000000002a',
  }))
  const body = encodeConfirmations([
    { kind: 'device_recorded', deviceId: deviceId('POS-2'), rev: 3 },
    { kind: 'bundle_recorded', ...subject(4) },
    { kind: 'bundle_settled', ...subject(4), rev: 1, outcomes },
    { kind: 'bundle_settled', ...subject(70_000), rev: 2, outcomes: [] },
  ])
  const settled = settledIn(body)
  expect(settled.map(({ outcomes: _, ...rest }) => rest)).toEqual([subject(4), subject(70_000)])
  const read = settled.map(({ outcomes: encoded }) => (decodeCbor(encoded) as never[]).map(outcomeFromCbor))
  expect(read).toEqual([outcomes, []])
})
