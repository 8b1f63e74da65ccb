import { expect, it } from 'vitest'
import type { OfflineState } from '../../../../src/device/sdk/index.ts'
import { POLICY } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

const HOUR_MS = 3_600_000
const SKEW_MS = POLICY.maxClockSkewMinutes * 60_000
/** How long a payment may lie on the device without the edge refusing it for its age, whatever the two clocks say. */
const KEPT_MS = POLICY.maxBundleAgeHours * HOUR_MS - SKEW_MS

it('taking stops before the oldest payment that waits is too old for the edge: none is taken and then refused for good', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  const contactMs = rig.timeMs
  expect(sdk.getLimits().syncBeforeMs).toBe(contactMs + POLICY.maxDaysSinceSync * 24 * HOUR_MS)
  rig.timeMs += HOUR_MS
  const oldest = await sdk.createOfflineTransaction(terms())
  const limitMs = oldest.initiatedAtMs + KEPT_MS
  expect(sdk.getLimits().syncBeforeMs).toBe(limitMs)
  rig.timeMs = limitMs
  await sdk.createOfflineTransaction(terms())
  rig.timeMs += 1000
  const overdue = { code: 'sync_overdue', money: 'not_taken', next: 'connect' }
  await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject(overdue)
  expect(sdk.getLimits()).toMatchObject({ syncBeforeMs: limitMs, remaining: 0 })
  const restarted = await rig.started()
  await expect(restarted.createOfflineTransaction(terms())).rejects.toMatchObject(overdue)
  expect(await restarted.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  await restarted.createOfflineTransaction(terms())
})

it('a payment that was voided, or that has its receipt, does not press for a sync', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms())
  await sdk.syncNow()
  rig.timeMs += HOUR_MS
  const voided = await sdk.createOfflineTransaction(terms())
  await sdk.voidTransaction(voided.counter)
  expect(sdk.getLimits().syncBeforeMs).toBe(rig.timeMs + (POLICY.maxDaysSinceSync * 24 - 1) * HOUR_MS)
})

it('the state says a day before that a sync is due, and tells it with the next payment or attempt', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  const told: OfflineState['syncDue'][] = []
  await sdk.createOfflineTransaction(terms())
  const { syncBeforeMs } = sdk.getLimits()
  sdk.on('state', ({ syncDue }) => void told.push(syncDue))
  rig.timeMs = syncBeforeMs - 24 * HOUR_MS - 1000
  await sdk.createOfflineTransaction(terms())
  expect(told).toEqual([undefined])
  rig.timeMs += 2000
  await sdk.createOfflineTransaction(terms())
  expect(told.at(-1)).toBe('soon')
  rig.timeMs = syncBeforeMs + 1
  rig.edge.weather = 'offline'
  await sdk.syncNow()
  expect(told.at(-1)).toBe('overdue')
  expect((await rig.started()).state).toMatchObject({ status: 'offline_ready', syncDue: 'overdue' })
  rig.edge.weather = undefined
  await sdk.syncNow()
  expect(sdk.state).not.toHaveProperty('syncDue')
})

it('a policy with short times does not ask for a sync right after one', async () => {
  const rig = await Rig.create()
  rig.edge.policy = { ...POLICY, maxBundleAgeHours: 12 }
  const sdk = await rig.started()
  await sdk.createOfflineTransaction(terms())
  expect(sdk.state).not.toHaveProperty('syncDue')
  rig.timeMs += 6 * HOUR_MS
  expect(sdk.state.syncDue).toBe('soon')
})

it('a carried bundle expires when its oldest payment would be too old, if that is earlier', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  const { initiatedAtMs } = await sdk.createOfflineTransaction(terms())
  rig.timeMs += 60 * HOUR_MS
  const relay = await sdk.sealForRelay()
  expect(relay?.expiresAtMs).toBe(initiatedAtMs + KEPT_MS)
})
