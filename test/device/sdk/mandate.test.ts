import { beforeEach, expect, it } from 'vitest'
import type { OfflineSDK } from '../../../src/device/sdk/index.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import type { MandatedDebit } from '../../../src/protocol/mandated.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { OWNER } from './edge.ts'
import { Rig } from './rig.ts'

/** What the owner of a device lets others take without asking. */
let rig: Rig
let sdk: OfflineSDK
beforeEach(async () => {
  rig = await Rig.create()
  sdk = await rig.started()
})
const terms = (over = {}) => ({ paymentMax: 1000, dayMax: 3000, untilMs: rig.timeMs + 30 * DAY_MS, ...over })

it('is signed about the device’s own wallet, and each is newer than the one before', async () => {
  await sdk.mandate(terms())
  rig.timeMs += 1_000
  await sdk.mandate(terms({ paymentMax: 0, dayMax: 0 }))
  const given = { wallet: OWNER, currency: 'XOF' }
  expect(rig.edge.mandates).toMatchObject([
    { ...given, paymentMax: 1000, dayMax: 3000 },
    { ...given, paymentMax: 0, dayMax: 0 },
  ])
  const [first, second] = rig.edge.mandates
  expect(second?.no).toBeGreaterThan(first?.no ?? 0)
})

it('with a clock that is ahead it has a number of the edge’s time, so that what it gives can be ended', async () => {
  rig.wallOffsetMs = 60 * DAY_MS
  await sdk.mandate(terms())
  rig.wallOffsetMs = 0
  rig.timeMs += 1_000
  await sdk.mandate(terms({ paymentMax: 0, dayMax: 0 }))
  expect(rig.edge.mandates).toMatchObject([{ paymentMax: 1000 }, { paymentMax: 0 }])
})

it.each([{ paymentMax: 2001 }, { dayMax: 5001 }])(
  'beyond the policy of the country the edge is not asked: %o',
  async (over) => {
    await expect(sdk.mandate(terms(over))).rejects.toMatchObject({ code: 'mandate_above_policy' })
    expect(rig.edge.mandates).toEqual([])
  },
)

it.each([{ paymentMax: 3001 }, { paymentMax: -1 }, { paymentMax: 1.5 }, { untilMs: Number.NaN }, { untilMs: 9e15 }])(
  'what is no mandate is not signed: %o',
  async (over) => {
    await expect(sdk.mandate(terms(over))).rejects.toThrow(RangeError)
    expect(rig.edge.mandates).toEqual([])
  },
)

it('what it paid is shown as the last notice says, also after a restart', async () => {
  const debit = (counter: number): MandatedDebit => ({
    ...{ takerId: deviceId('POS-9'), counter, type: 'merchant', amount: amountMinor(300), currency: currency('XOF') },
    ...{ receiver: 'shop-9', initiatedAtMs: rig.timeMs, postedAtMs: rig.timeMs + 1_000 },
  })
  rig.edge.mandated = [debit(2), debit(1)]
  await sdk.syncNow()
  expect(sdk.mandated().map(({ localId }) => localId)).toEqual(['POS-9/2', 'POS-9/1'])
  expect(sdk.mandated()[1]).toEqual({
    ...{ localId: 'POS-9/1', type: 'merchant', amount: 300, currency: 'XOF', receiver: 'shop-9' },
    ...{ initiatedAtMs: rig.timeMs, postedAtMs: rig.timeMs + 1_000 },
  })
  sdk = await rig.started()
  expect(sdk.mandated()).toHaveLength(2)
  rig.edge.mandated = []
  await sdk.syncNow()
  expect(sdk.mandated()).toEqual([])
})

it('a device that is ended gives nothing', async () => {
  await sdk.destroy()
  await expect(sdk.mandate(terms())).rejects.toMatchObject({ code: 'destroyed' })
})
