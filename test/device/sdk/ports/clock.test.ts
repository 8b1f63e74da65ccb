import { describe, expect, it } from 'vitest'
import type { HttpResponse } from '../../../../src/device/sdk/index.ts'
import { CorrectedClock } from '../../../../src/device/sdk/ports/clock.ts'
import { parseBundle } from '../../../../src/protocol/bundle.ts'
import { random } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

const YEAR_MS = 366 * 86_400_000
const HOUR_MS = 3_600_000

describe('a device with a wrong clock', () => {
  it.each([-20 * YEAR_MS, -HOUR_MS, HOUR_MS, YEAR_MS])(
    'off by %i ms starts, and dates payments rightly',
    async (offset) => {
      const rig = await Rig.create()
      rig.wallOffsetMs = offset
      const sdk = await rig.started()
      expect(sdk.state.status).toBe('ready')
      rig.timeMs += 60_000
      expect((await sdk.createOfflineTransaction(terms())).initiatedAtMs).toBe(rig.timeMs)
      expect(await sdk.syncNow()).toMatchObject({ status: 'done' })
    },
  )

  it('that goes wrong between two syncs signs again with the server’s time, and dates nothing by it', async () => {
    const rig = await Rig.create()
    const first = await rig.started()
    await first.createOfflineTransaction(terms())
    // A flat battery: the machine starts in 1970, twelve hours later.
    rig.timeMs += 12 * HOUR_MS
    rig.wallOffsetMs = -rig.timeMs
    const sdk = await rig.started()
    const taken = await sdk.createOfflineTransaction(terms())
    expect(taken.initiatedAtMs).toBe(rig.timeMs - 12 * HOUR_MS)
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1 })
    const sent = rig.edge.requests.flatMap(({ path, body }) => (path === '/offline/push' && body ? [body] : []))
    expect(sent.map((body) => parseBundle(body).claims.signedAtMs)).toEqual([taken.initiatedAtMs, rig.timeMs])
    // The signed time came with the receipt.
    expect((await sdk.createOfflineTransaction(terms())).initiatedAtMs).toBe(rig.timeMs)
  })

  it('is not talked into signing for a time far away', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    const real = rig.edge.now()
    rig.timeMs += 20 * YEAR_MS
    rig.edge.faults = [{ problem: 'clock_skew' }]
    rig.wallOffsetMs = real - rig.timeMs
    const report = await sdk.syncNow()
    expect(report).toMatchObject({ status: 'retry_later', error: { code: 'clock_skew', money: 'kept_on_device' } })
  })
})

describe('a clock that is set back', () => {
  it('does not rewind while the process runs', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    rig.timeMs += HOUR_MS
    rig.wallOffsetMs = -48 * HOUR_MS
    expect((await sdk.createOfflineTransaction(terms())).initiatedAtMs).toBe(rig.timeMs)
  })

  it('freezes at the last payment after a restart', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    rig.timeMs += 5 * HOUR_MS
    const { initiatedAtMs } = await sdk.createOfflineTransaction(terms())
    rig.wallOffsetMs = -48 * HOUR_MS
    const restarted = await rig.started()
    expect((await restarted.createOfflineTransaction(terms())).initiatedAtMs).toBe(initiatedAtMs)
  })

  it('does not extend the days without a sync', async () => {
    const rig = await Rig.create()
    const startMs = rig.timeMs
    let sdk = await rig.started()
    for (let day = 0; day < 4; day++) {
      rig.timeMs += 24 * HOUR_MS - 1000
      const { counter } = await sdk.createOfflineTransaction(terms())
      // One that waits would have to be sent before that.
      await sdk.voidTransaction(counter)
      // Each morning the phone is restarted with the clock of the first day.
      rig.wallOffsetMs = startMs - rig.timeMs
      sdk = await rig.started()
    }
    rig.timeMs += HOUR_MS
    const refusal = { code: 'sync_overdue', money: 'not_taken', next: 'connect' }
    await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject(refusal)
    await sdk.syncNow()
    await sdk.createOfflineTransaction(terms())
  })
})

it('a clock that ran ahead is put right by the next signed time', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  rig.wallOffsetMs = 5 * HOUR_MS
  expect((await sdk.createOfflineTransaction(terms())).initiatedAtMs).toBe(rig.timeMs + 5 * HOUR_MS)
  rig.timeMs += 1000
  await sdk.syncNow()
  await sdk.syncNow()
  rig.timeMs += 1000
  expect((await sdk.createOfflineTransaction(terms())).initiatedAtMs).toBe(rig.timeMs)
  rig.wallOffsetMs = 0
  const restarted = await rig.started()
  expect((await restarted.createOfflineTransaction(terms())).initiatedAtMs).toBe(rig.timeMs)
})

it('the last notice, held back and sent again, does not turn the clock back', async () => {
  const rig = await Rig.create()
  let held: HttpResponse | undefined
  const sdk = await rig.started({
    fetch: async (url, request) => {
      if (!url.endsWith('/notice')) return rig.edge.fetch(url, request)
      held ??= await rig.edge.fetch(url, request)
      return held
    },
  })
  rig.timeMs += 5 * HOUR_MS
  expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', error: { code: 'answer_invalid' } })
  const { initiatedAtMs } = await sdk.createOfflineTransaction(terms())
  expect(initiatedAtMs).toBe(rig.timeMs)
  expect(sdk.state.lastSyncMs).toBe(rig.timeMs - 5 * HOUR_MS)
})

it('a monotonic clock that outlives the process keeps counting when it names its boot', () => {
  let [wallMs, monotonicMs] = [1_000_000, 50]
  const source = { nowMs: () => wallMs, monotonicMs: () => monotonicMs, bootId: 'ab'.repeat(16) }
  const before = new CorrectedClock(source, random)
  const saved = before.reading(5_000_000, 0, 1)
  const after = new CorrectedClock(source, random)
  after.restore(saved, 0)
  monotonicMs += 700
  wallMs = 0
  expect(after.nowMs()).toBe(5_000_700)
  expect(after.countedMs()).toBe(5_000_700)
  const rebooted = new CorrectedClock({ ...source, bootId: 'cd'.repeat(16) }, random)
  rebooted.restore(saved, 0)
  expect(rebooted.nowMs()).toBe(5_000_000)
  expect(rebooted.countedMs()).toBeUndefined()
})
