import { describe, expect, it } from 'vitest'
import type { Hint } from '../../../src/device/sdk/index.ts'
import { Rig, terms } from './rig.ts'

it('progress counts what is acknowledged of what waits, up to all of it', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  for (let i = 0; i < 205; i++) await sdk.createOfflineTransaction(terms({ amount: 100 }))
  const seen: unknown[] = []
  sdk.on('progress', (progress) => void seen.push(progress))
  await sdk.syncNow()
  expect(seen).toEqual([
    { sent: 0, total: 205 },
    { sent: 100, total: 205 },
    { sent: 200, total: 205 },
    { sent: 205, total: 205 },
  ])
  await sdk.syncNow()
  expect(seen).toHaveLength(4)
})

it('what keeps the queue from emptying is told as an error of the queue; no payment is told as failed', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started({ autoSync: true })
  rig.edge.weather = 'offline'
  const errors: unknown[] = []
  const statuses: string[] = []
  sdk.on('queue_error', ({ code, money }) => void errors.push([code, money]))
  sdk.on('payment', ({ status }) => void statuses.push(status))
  await sdk.createOfflineTransaction(terms())
  rig.edge.weather = { problem: 'invalid_payload' }
  await sdk.syncNow()
  expect(errors).toEqual([
    ['network_failed', 'kept_on_device'],
    ['invalid_payload', 'kept_on_device'],
  ])
  expect(new Set(statuses)).toEqual(new Set(['pending_offline']))
  rig.edge.weather = undefined
  await sdk.syncNow()
  expect(errors).toHaveLength(2)
})

it('a store that fails in a sync that nobody asked for is told, and tried again later', async () => {
  const rig = await Rig.create()
  let broken = false
  const storage = {
    getItem: (key: string) => rig.storage.getItem(key),
    removeItem: (key: string) => rig.storage.removeItem(key),
    setItem: (key: string, value: string) => {
      if (broken) throw new Error('disk error')
      return rig.storage.setItem(key, value)
    },
  }
  rig.edge.weather = 'offline'
  const sdk = await rig.started({ autoSync: true, storage })
  rig.edge.weather = undefined
  const codes: string[] = []
  sdk.on('queue_error', ({ code }) => void codes.push(code))
  broken = true
  rig.timers.fire()
  await expect.poll(() => codes).toEqual(['storage_failed'])
  expect(rig.timers.pending.size).toBe(1)
  broken = false
  rig.timers.fire()
  await expect.poll(() => sdk.state.status).toBe('ready')
})

it('a listener that throws, at once or later, keeps neither the payment nor the other listeners from going on', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  const unhandled: unknown[] = []
  const note = (reason: unknown) => void unhandled.push(reason)
  process.on('unhandledRejection', note)
  let heard = 0
  for (const event of ['state', 'payment', 'sync', 'progress'] as const) {
    sdk.on(event, () => {
      throw new Error('at once')
    })
    sdk.on(event, async () => {
      throw new Error('later')
    })
    sdk.on(event, () => void heard++)
  }
  expect(await sdk.createOfflineTransaction(terms())).toMatchObject({ counter: 1 })
  expect(await sdk.syncNow()).toMatchObject({ status: 'done' })
  await new Promise((resolve) => setImmediate(resolve))
  process.off('unhandledRejection', note)
  expect(unhandled).toEqual([])
  expect(heard).toBeGreaterThan(5)
})

describe('hints of the platform', () => {
  async function hinted(over: { readonly syncEveryMs?: number } = {}) {
    let hear: (hint: Hint) => void = () => undefined
    let subscriptions = 0
    const hints = (listener: (hint: Hint) => void) => {
      hear = listener
      subscriptions++
      return () => void subscriptions--
    }
    const rig = await Rig.create()
    const sdk = await rig.started({ autoSync: true, hints, ...over })
    return { rig, sdk, hear: (hint: Hint) => hear(hint), subscriptions: () => subscriptions }
  }

  it.each(['online', 'visible'] as const)(
    '%s shortens the backoff to seconds, with jitter, and never lengthens it',
    async (hint) => {
      const { rig, sdk, hear } = await hinted()
      rig.edge.weather = 'offline'
      await sdk.createOfflineTransaction(terms())
      for (let failures = 0; failures < 12; failures++) {
        rig.timers.fire()
        await expect.poll(() => sdk.state.syncing).toBe(false)
      }
      let [least = 0] = rig.timers.delaysMs
      for (let times = 0; times < 20; times++) {
        hear(hint)
        expect(rig.timers.delaysMs).toHaveLength(1)
        const [delayMs = Number.POSITIVE_INFINITY] = rig.timers.delaysMs
        expect(delayMs).toBeLessThanOrEqual(Math.min(least, 2_000))
        least = delayMs
      }
      rig.edge.weather = undefined
      rig.timers.fire()
      await expect.poll(() => sdk.state.unsynced).toBe(0)
    },
  )

  it('what the server asked to wait is waited, whatever the platform says', async () => {
    const { rig, sdk, hear } = await hinted()
    rig.edge.faults = [{ problem: 'rate_limited', retryAfterS: 60 }]
    await sdk.createOfflineTransaction(terms())
    expect(rig.timers.delaysMs).toEqual([60_000])
    rig.edge.requests = []
    for (const hint of ['online', 'visible', 'hidden'] as const) hear(hint)
    expect(rig.timers.delaysMs).toEqual([60_000])
    // Nor does another payment try.
    await sdk.createOfflineTransaction(terms())
    expect(rig.edge.requests).toEqual([])
    rig.timeMs += 59_000
    hear('online')
    expect(rig.timers.delaysMs[0]).toBeGreaterThanOrEqual(1_000)
    rig.timers.fire()
    await expect.poll(() => sdk.state.unsynced).toBe(0)
  })

  it('a push outlives its page, unless it is too large for that', async () => {
    const rig = await Rig.create()
    const pushed: [bytes: number, keepalive: boolean][] = []
    const sdk = await rig.started({
      fetch: (url, request) => {
        if (request.body) pushed.push([request.body.length, request.keepalive === true])
        return rig.edge.fetch(url, request)
      },
    })
    await sdk.createOfflineTransaction(terms())
    await sdk.syncNow()
    const meta = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`k${index}`, 'x'.repeat(100)]))
    for (let i = 0; i < 80; i++) await sdk.createOfflineTransaction(terms({ meta }))
    await sdk.syncNow()
    expect(pushed.map(([bytes]) => bytes > 60 * 1024)).toEqual([false, true, false])
    expect(pushed.map(([, keepalive]) => keepalive)).toEqual([true, false, true])
  })

  it('hidden sends what waits at once, and nothing when nothing waits', async () => {
    const { rig, sdk, hear } = await hinted()
    rig.edge.requests = []
    hear('hidden')
    expect(sdk.state.syncing).toBe(false)
    rig.edge.weather = 'offline'
    await sdk.createOfflineTransaction(terms())
    rig.edge.weather = undefined
    hear('hidden')
    await expect.poll(() => sdk.state.unsynced).toBe(0)
  })

  it('offline is shown at once, until a sync reaches the edge again', async () => {
    const { sdk, hear } = await hinted()
    await sdk.syncNow()
    expect(sdk.state.status).toBe('ready')
    hear('offline')
    expect(sdk.state.status).toBe('offline_ready')
    await sdk.syncNow()
    expect(sdk.state.status).toBe('ready')
  })

  it('are heard once however often initialize is called, and not after destroy', async () => {
    const { sdk, subscriptions } = await hinted()
    await sdk.initialize()
    expect(subscriptions()).toBe(1)
    await sdk.destroy()
    expect(subscriptions()).toBe(0)
  })
})
