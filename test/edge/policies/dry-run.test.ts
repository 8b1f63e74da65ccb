import { describe, expect, it } from 'vitest'
import { judgeAgain, type PastBundle } from '../../../src/edge/policies/dry-run.ts'
import { dryRunPart, type FoundBundle, type PastReads } from '../../../src/edge/policies/dry-run-part.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import type { DecisionException } from '../../../src/protocol/receipt.ts'
import { DEVICE, MINUTE_MS, NOW_MS, OWNER, POLICY, payment } from '../../risk/kit.ts'

/** Out of the owner's own wallet, so that it needs nobody else's word. */
const paid = (over: Partial<Payment> = {}) => payment({ sender: OWNER, receiver: 'W-SUPPLIER', ...over })
const consent = { thumbprint: new Uint8Array(32), givenAtMs: 0, untilMs: Number.MAX_SAFE_INTEGER, withdrawnAtMs: null }
const device = {
  ...{ deviceId: deviceId(DEVICE), ownerWallet: OWNER, consents: [consent] },
  registeredAtMs: NOW_MS - 40 * 24 * 60 * MINUTE_MS,
}

function past(seq: number, payments: readonly Payment[], exceptions: readonly DecisionException[] = []): PastBundle {
  const receivedAtMs = NOW_MS + seq * MINUTE_MS
  const counters = payments.map(({ counter }) => counter)
  return {
    ...{ seq, receivedAtMs, payments, risk: { shared: 0, payments: [] } },
    receipt: {
      ...{ deviceId: DEVICE, bundleId: new Uint8Array(16), digest: new Uint8Array(32), seq, receivedAtMs, exceptions },
      ...{ status: 'accepted', firstCounter: Math.min(...counters), lastCounter: Math.max(...counters) },
      ...{ country: 'SN', policyVersion: 1 },
    },
  }
}

describe('a device’s payments, judged again', () => {
  const judged = (policy: Partial<typeof POLICY>, bundles: readonly PastBundle[], fromMs = 0) => [
    ...judgeAgain({ ...POLICY, ...policy }, device, bundles, fromMs).values(),
  ]

  it('are counted by what was decided, what would be, and why', () => {
    const bundle = past(
      1,
      [
        paid({ counter: 1 }),
        paid({ counter: 2, amount: amountMinor(9_000) }),
        paid({ counter: 3, amount: amountMinor(9_001) }),
      ],
      [{ counter: 3, decision: 'review', reason: 'risk' }],
    )
    expect(judged({ maxOfflineAmount: 5_000 }, [bundle])).toEqual([
      { decided: 'accepted', would: 'accepted', count: 1, amount: 2_500 },
      { decided: 'accepted', would: 'refused', reason: 'limit_exceeded', count: 1, amount: 9_000 },
      { decided: 'review', would: 'refused', reason: 'limit_exceeded', count: 1, amount: 9_001 },
    ])
  })

  it('count towards the day of later bundles, those before the days asked for too', () => {
    const bundles = [1, 2, 3].map((seq) => past(seq, [paid({ counter: seq })]))
    expect(judged({ maxOfflinePerDevicePerDay: 2 }, bundles, NOW_MS + 2 * MINUTE_MS)).toEqual([
      { decided: 'accepted', would: 'accepted', count: 1, amount: 2_500 },
      { decided: 'accepted', would: 'refused', reason: 'limit_exceeded', count: 1, amount: 2_500 },
    ])
  })

  it('a copy is not counted, nor does it fill a day', () => {
    const copy = past(2, [paid()], [{ counter: 1, decision: 'refused', reason: 'duplicate' }])
    const bundles = [past(1, [paid()]), copy, past(3, [paid({ counter: 2 })])]
    expect(judged({ maxOfflinePerDevicePerDay: 2 }, bundles)).toEqual([
      { decided: 'accepted', would: 'accepted', count: 2, amount: 5_000 },
    ])
  })
})

describe('a part of the devices', () => {
  /** Bundles of each device, in the order of arrival. */
  function readsOf(devices: Readonly<Record<string, readonly FoundBundle[]>>): PastReads {
    return {
      devicesAfter: async (after = '', limit) =>
        Object.keys(devices)
          .filter((deviceId) => deviceId > after)
          .slice(0, limit + 1)
          .map((deviceId) => ({ deviceId, registeredAtMs: device.registeredAtMs })),
      bundlesAfter: async (deviceId, { bundleId }, limit) =>
        (devices[deviceId] ?? []).filter((bundle) => bundle.bundleId > bundleId).slice(0, limit),
      owner: async () => device,
    }
  }
  const found = (seq: number, isOpened = true): FoundBundle => ({
    bundleId: String(seq).padStart(6, '0'),
    receivedAtMs: NOW_MS + seq * MINUTE_MS,
    opened: isOpened ? past(seq, [paid({ counter: seq, initiatedAtMs: NOW_MS + seq * MINUTE_MS })]) : undefined,
  })
  const many = (count: number) => Array.from({ length: count }, (_, index) => found(index + 1))
  const asked = (over: object = {}) => ({
    ...{ policy: { ...POLICY, maxOfflinePerDevicePerDay: 1e6, maxOfflineValuePerDevicePerDay: 1e12 } },
    ...{ fromMs: NOW_MS, sinceMs: 0, limit: 300, after: undefined },
    ...over,
  })

  it('is all of them when they have few bundles, and adds up what they have', async () => {
    const part = await dryRunPart(asked(), readsOf({ a: many(2), b: many(1) }))
    expect(part).toEqual({
      ...{ devices: 2, bundles: 3, unopenable: 0, cut_devices: 0, next: undefined },
      payments: [{ decided: 'accepted', would: 'accepted', count: 3, amount: 7_500 }],
    })
  })

  it('ends with the device that reaches the limit, judged whole, and goes on after it', async () => {
    const reads = readsOf({ a: many(2), b: many(250), c: many(1) })
    const first = await dryRunPart(asked({ limit: 3 }), reads)
    expect(first).toMatchObject({ devices: 2, bundles: 252, next: 'b' })
    expect(await dryRunPart(asked({ limit: 3, after: 'b' }), reads)).toMatchObject({ devices: 1, next: undefined })
  })

  it('reads devices page by page', async () => {
    const devices = Object.fromEntries(Array.from({ length: 120 }, (_, index) => [`d${1000 + index}`, many(1)]))
    expect(await dryRunPart(asked(), readsOf(devices))).toMatchObject({ devices: 120, bundles: 120, next: undefined })
  })

  it('counts bundles that no key opens, and none of those before the days asked for', async () => {
    const reads = readsOf({ a: [found(1, false), found(2), found(3, false), found(4)] })
    const part = await dryRunPart(asked({ fromMs: NOW_MS + 2 * MINUTE_MS }), reads)
    expect(part).toMatchObject({ bundles: 3, unopenable: 1, payments: [{ count: 2 }] })
  })

  it('judges nothing of a device that has no object, and counts its bundles as not opened', async () => {
    const reads = {
      ...readsOf({ a: many(2), b: many(1) }),
      owner: async (id: string) => (id === 'a' ? undefined : device),
    }
    expect(await dryRunPart(asked(), reads)).toMatchObject({
      ...{ devices: 2, bundles: 3, unopenable: 2 },
      payments: [{ count: 1 }],
    })
  })

  it('says so when a device has more bundles than are read of it', async () => {
    const unopened = Array.from({ length: 2_001 }, (_, index) => found(index + 1, false))
    const part = await dryRunPart(asked(), readsOf({ a: unopened }))
    expect(part).toMatchObject({ bundles: 2_000, cut_devices: 1 })
    const whole = await dryRunPart(asked(), readsOf({ a: unopened.slice(0, 1_999) }))
    expect(whole).toMatchObject({ bundles: 1_999, cut_devices: 0 })
  })
})
