import { describe, expect, it } from 'vitest'
import { nobleSuite } from '../../../../src/crypto/noble.ts'
import { webCryptoSuite } from '../../../../src/crypto/webcrypto.ts'
import type { KeyStore } from '../../../../src/device/sdk/index.ts'
import { parseBundle } from '../../../../src/protocol/bundle.ts'
import { toHex } from '../../../../src/protocol/bytes.ts'
import { DEVICE, random } from '../edge.ts'
import { Rig, terms } from '../rig.ts'

const pushes = (rig: Rig) =>
  rig.edge.requests.flatMap(({ path, body }) => (path === '/offline/push' && body ? [parseBundle(body)] : []))

it('a payment taken offline is acknowledged by the next sync and gets its outcome by a later one', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started({ suite: nobleSuite(random) })
  rig.edge.weather = 'offline'
  const payment = await sdk.createOfflineTransaction(terms())
  expect(payment).toMatchObject({ localId: 'POS-001/1', status: 'pending_offline', receipted: false })
  expect(payment.expected).toEqual({ decision: 'claimed' })
  expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 1, error: { code: 'network_failed' } })
  expect(sdk.state).toMatchObject({ status: 'offline_ready', unsynced: 1 })

  rig.edge.weather = undefined
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 1, unsynced: 0 })
  expect(sdk.state).toMatchObject({ status: 'ready', waiting: 1 })
  expect(sdk.getTransaction('POS-001/1')).toMatchObject({ status: 'pending', receipted: true })
  const { amount, sender, initiatedAtMs } = payment
  expect(rig.edge.entriesOf(1)).toMatchObject([{ amount, sender, initiatedAtMs }])

  rig.edge.settleAll()
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 0, outcomes: 1 })
  expect(sdk.getTransaction('POS-001/1')).toMatchObject({ status: 'succeeded', transferId: 'transfer-1' })
  expect(sdk.getPendingTransactions()).toEqual([])
})

it('a payment that was cancelled before it was sent waits for nothing, though its number is still to be told', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  rig.edge.weather = 'offline'
  const { counter } = await sdk.createOfflineTransaction(terms())
  await sdk.voidTransaction(counter)
  expect(sdk.state).toMatchObject({ unsynced: 1, waiting: 0 })
})

it('every payment of a receipt gets its own decision and reason', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started()
  for (let i = 0; i < 4; i++) await sdk.createOfflineTransaction(terms())
  const decisions = [undefined, 'review', 'quarantined', 'refused'] as const
  rig.edge.decide = ({ counter }) => {
    const decision = decisions[counter - 1]
    return decision && { decision, reason: 'risk_review' }
  }
  await sdk.syncNow()
  expect(sdk.getTransactions().map(({ status, reason }) => [status, reason])).toEqual([
    ['pending', undefined],
    ['review', 'risk_review'],
    ['quarantined', 'risk_review'],
    ['refused', 'risk_review'],
  ])
  expect(sdk.getPendingTransactions()).toHaveLength(3)
})

describe('an answer that does not arrive', () => {
  it.each(['lost', 'truncated', 'portal', 'silent'] as const)(
    '%s: the same sealed bytes go again with another signature, and are admitted once',
    async (fault) => {
      const rig = await Rig.create()
      const sdk = await rig.started()
      await sdk.createOfflineTransaction(terms())
      rig.edge.faults = [fault, 'offline']
      const running = sdk.syncNow()
      if (fault === 'silent') {
        await expect.poll(() => rig.edge.bundles.length).toBe(1)
        rig.timers.fire()
      }
      const report = await running
      expect(report).toMatchObject({ status: 'retry_later', unsynced: 1 })
      expect(report.error).toMatchObject({ money: 'kept_on_device', next: 'wait' })

      rig.edge.faults = []
      // Another process sends what the first one stored.
      const later = await rig.started()
      await later.createOfflineTransaction(terms())
      expect(await later.syncNow()).toMatchObject({ status: 'done', unsynced: 0, bundles: 2 })
      const [first, again, next] = pushes(rig)
      expect(toHex(again?.payload ?? random(1))).toBe(toHex(first?.payload ?? random(2)))
      expect(again?.claims.bundleId).toEqual(first?.claims.bundleId)
      expect(again?.claims.nonce).not.toEqual(first?.claims.nonce)
      expect(next?.claims.seq).toBe(2)
      expect(rig.edge.counters).toEqual([1, 2])
      expect(rig.edge.contradictions).toEqual([])
    },
  )

  it('one that arrives twice changes nothing more', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.faults = ['duplicated']
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(rig.edge.counters).toEqual([1])
  })
})

describe('what the edge asks for', () => {
  it('retry: keeps the bundle, and says how long to wait', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.faults = [{ problem: 'rate_limited', retryAfterS: 60 }]
    expect(await sdk.syncNow()).toMatchObject({
      status: 'retry_later',
      retryAfterMs: 60_000,
      error: { code: 'rate_limited', money: 'kept_on_device' },
    })
    expect(await sdk.syncNow()).toMatchObject({ status: 'done' })
  })

  it('nonce_replayed: signs again within the run', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.faults = [{ problem: 'nonce_replayed' }]
    expect(await sdk.syncNow()).toMatchObject({ status: 'done' })
    const [first, second] = pushes(rig)
    expect(second?.claims.nonce).not.toEqual(first?.claims.nonce)
    expect(second?.payload).toEqual(first?.payload)
  })

  it('resign without end is left to the next run', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.weather = { problem: 'nonce_replayed' }
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', error: { code: 'nonce_replayed' } })
    expect(pushes(rig).length).toBeLessThan(10)
  })

  it('stop: the bundle is parked, visible, and not sent again by itself', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started({ autoSync: true })
    rig.edge.weather = 'offline'
    await sdk.createOfflineTransaction(terms())
    rig.edge.requests = []
    rig.edge.weather = { problem: 'invalid_payload' }
    expect(await sdk.syncNow()).toMatchObject({
      status: 'stopped',
      unsynced: 1,
      error: { code: 'invalid_payload', money: 'kept_on_device', next: 'update_app' },
    })
    expect(sdk.state.parked).toMatchObject({ code: 'invalid_payload' })
    expect(rig.timers.delaysMs).toEqual([3_600_000])

    const restarted = await rig.started({ autoSync: true })
    expect(restarted.state.parked).toMatchObject({ code: 'invalid_payload' })
    rig.edge.weather = undefined
    rig.timers.fire()
    await expect.poll(() => restarted.state.syncing).toBe(false)
    expect(pushes(rig)).toHaveLength(1)
    // A person asks.
    expect(await restarted.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
    expect(restarted.state.parked).toBeUndefined()
  })

  it('stop holds back later payments, not the outcomes of earlier ones', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    await sdk.syncNow()
    rig.edge.settleAll()
    await sdk.createOfflineTransaction(terms())
    rig.edge.faults = [{ problem: 'invalid_payload' }]
    expect(await sdk.syncNow()).toMatchObject({ status: 'stopped', outcomes: 1 })
    expect(sdk.getTransaction('POS-001/1')?.status).toBe('succeeded')
  })

  it('a suspended device takes no more payments, keeps what it has, and goes on when it is reactivated', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.status = 'suspended'
    expect(await sdk.syncNow()).toMatchObject({ status: 'stopped', error: { code: 'device_suspended' } })
    const refused = { code: 'device_blocked', money: 'not_taken' }
    await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject(refused)
    const restarted = await rig.started()
    expect(restarted.state).toMatchObject({ status: 'blocked', unsynced: 1 })
    await expect(restarted.createOfflineTransaction(terms())).rejects.toMatchObject(refused)
    rig.edge.status = 'active'
    expect(await restarted.syncNow()).toMatchObject({ status: 'done' })
    expect(await restarted.createOfflineTransaction(terms())).toMatchObject({ counter: 2 })
  })
})

describe('a device whose key was replaced at the edge', () => {
  /** One payment on a device with a key that the edge does not know any more. @returns puts the key right again */
  async function replaced() {
    const rig = await Rig.create()
    const sdk = await rig.started()
    rig.edge.replaceDevice((await webCryptoSuite.es256Signer(random(32))).key)
    return { rig, sdk, putRight: () => rig.edge.replaceDevice(rig.key) }
  }
  const refusal = { code: 'device_blocked', money: 'not_taken' }

  it('is blocked, with what to do, and takes nothing more that could never be sent', async () => {
    const { rig, sdk } = await replaced()
    await sdk.createOfflineTransaction(terms())
    expect(await sdk.syncNow()).toMatchObject({ status: 'stopped', unsynced: 1, error: { code: 'invalid_signature' } })
    const blocked = { status: 'blocked', error: { code: 'invalid_signature', next: 'enrol' }, unsynced: 1 }
    expect(sdk.state).toMatchObject(blocked)
    await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject(refusal)
    const restarted = await rig.started()
    expect(restarted.state).toMatchObject(blocked)
    await expect(restarted.createOfflineTransaction(terms())).rejects.toMatchObject(refusal)
  })

  it('goes on with the next receipt, or the next notice, that it gets', async () => {
    const { sdk, putRight } = await replaced()
    await sdk.syncNow()
    expect(sdk.state.status).toBe('blocked')
    putRight()
    await sdk.syncNow()
    expect(sdk.state.status).toBe('ready')
    await sdk.createOfflineTransaction(terms())
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  })

  it('goes on with a notice although its bundle still rests', async () => {
    const { rig, putRight } = await replaced()
    const sdk = await rig.started({ autoSync: true })
    rig.edge.weather = 'offline'
    await sdk.createOfflineTransaction(terms())
    rig.edge.weather = undefined
    await sdk.syncNow()
    putRight()
    rig.timers.fire()
    await expect.poll(() => sdk.state.syncing).toBe(false)
    expect(sdk.state).toMatchObject({ status: 'ready', parked: { code: 'invalid_signature' }, unsynced: 1 })
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  })

  it('is not blocked by a push alone: nobody signed the refusal', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    rig.edge.faults = [{ problem: 'invalid_signature' }]
    await sdk.syncNow()
    expect(sdk.state).toMatchObject({ status: 'ready', parked: { code: 'invalid_signature' } })
    await sdk.createOfflineTransaction(terms())
  })
})

describe('a key store or a signer that throws', () => {
  const broken = new Error('the person did not confirm')
  const throwing: Record<string, (rig: Rig) => KeyStore> = {
    'a key store': () => ({ load: () => Promise.reject(broken) }),
    'a key store that throws at once': () => ({
      load: () => {
        throw broken
      },
    }),
    'a signer': ({ key }) => ({
      load: async () => ({ status: 'ready', signer: { key, sign: () => Promise.reject(broken) } }),
    }),
  }

  it.each(Object.entries(throwing))('%s: told as a locked key, with its cause; payments are kept', async (_, make) => {
    const rig = await Rig.create()
    await rig.started()
    const sdk = await rig.started({ keyStore: make(rig), autoSync: true })
    const [reports, errors]: [unknown[], unknown[]] = [[], []]
    sdk.on('sync', (report) => void reports.push(report))
    sdk.on('queue_error', (error) => void errors.push(error))
    await sdk.createOfflineTransaction(terms())
    const locked = { code: 'key_locked', money: 'kept_on_device', cause: broken }
    expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 1, error: locked })
    rig.timers.fire()
    await expect.poll(() => sdk.state.syncing).toBe(false)
    expect(reports).toMatchObject([{ error: locked }, { error: locked }])
    expect(errors).toMatchObject([locked, locked])
    expect(await (await rig.started()).syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  })
})

it('whatever breaks, a sync and the start reject with an error of ours, and the queue’s error is told', async () => {
  const rig = await Rig.create()
  await rig.started()
  const broken = new Error('the lock was stolen')
  let steals = false
  const sdk = await rig.started({ exclusive: (_, run) => (steals ? Promise.reject(broken) : run()) })
  const errors: unknown[] = []
  sdk.on('queue_error', (error) => void errors.push(error))
  steals = true
  const unexpected = { name: 'OfflineError', code: 'unexpected', money: 'unread', cause: broken }
  await expect(sdk.syncNow()).rejects.toMatchObject(unexpected)
  expect(errors).toMatchObject([unexpected])
  await expect(sdk.initialize()).rejects.toMatchObject(unexpected)
})

describe('many payments', () => {
  it('more than a bundle holds go in several, in order, in one run', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    for (let i = 0; i < 205; i++) await sdk.createOfflineTransaction(terms({ amount: 1 + i }))
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 3, unsynced: 0 })
    expect(rig.edge.bundles.map(({ entries }) => entries.length)).toEqual([100, 100, 5])
    expect(rig.edge.counters).toEqual(Array.from({ length: 205 }, (_, index) => index + 1))
  })

  it('a bundle never exceeds its bytes', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    const meta = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`k${index}`, 'x'.repeat(100)]))
    for (let i = 0; i < 90; i++) await sdk.createOfflineTransaction(terms({ meta }))
    expect(await sdk.syncNow()).toMatchObject({ status: 'done', bundles: 2 })
    for (const { body } of rig.edge.requests) expect(body?.length ?? 0).toBeLessThanOrEqual(65_536)
  })

  it('more outcomes than a notice holds all arrive in one run', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    await sdk.syncNow()
    for (let i = 0; i < 1200; i++) rig.edge.settle(1, 'review')
    rig.timeMs += 1000
    rig.edge.settle(1, 'succeeded')
    await sdk.syncNow()
    expect(sdk.getTransaction('POS-001/1')?.status).toBe('succeeded')
  })
})

describe('at the same time', () => {
  it('two calls of syncNow are one run', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    await sdk.createOfflineTransaction(terms())
    const before = rig.edge.requests.length
    const [one, two] = await Promise.all([sdk.syncNow(), sdk.syncNow()])
    expect(one).toBe(two)
    expect(rig.edge.requests.length - before).toBe(1)
  })

  it('a payment taken during a sync is kept, and sent', async () => {
    const rig = await Rig.create()
    let during: Promise<unknown> | undefined
    const sdk = await rig.started({
      fetch: (url, request) => {
        if (url.endsWith('/push')) during ??= sdk.createOfflineTransaction(terms({ amount: 77 }))
        return rig.edge.fetch(url, request)
      },
    })
    await sdk.createOfflineTransaction(terms())
    await sdk.syncNow()
    expect(await during).toMatchObject({ counter: 2 })
    await sdk.syncNow()
    expect(rig.edge.entriesOf(2)).toMatchObject([{ amount: 77 }])
    expect(rig.edge.bundles.map(({ seq }) => seq)).toEqual([1, 2])
  })

  it('payments taken at once get counters of their own', async () => {
    const rig = await Rig.create()
    const sdk = await rig.started()
    const taken = await Promise.all(Array.from({ length: 20 }, () => sdk.createOfflineTransaction(terms())))
    expect(new Set(taken.map(({ localId }) => localId)).size).toBe(20)
    expect(taken[19]?.localId).toBe(`${DEVICE}/20`)
  })
})

it('destroy stops the timers and warns while payments are unsynced', async () => {
  const rig = await Rig.create()
  const sdk = await rig.started({ autoSync: true })
  rig.edge.weather = 'offline'
  await sdk.createOfflineTransaction(terms())
  expect(rig.timers.pending.size).toBe(1)
  expect(await sdk.destroy()).toEqual({ unsynced: 1, warning: 'unsynced_payments' })
  expect(rig.timers.pending.size).toBe(0)
  await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject({ code: 'destroyed', money: 'not_taken' })
  await expect(sdk.syncNow()).rejects.toMatchObject({ code: 'destroyed' })
})

it('syncs by itself: soon after a payment, after failures anywhere up to a bound that doubles to five minutes', async () => {
  const rig = await Rig.create()
  // Where in the span from nothing to the bound each attempt falls, as the device's random source says.
  const shares = [0, 0.25, 0.5, 0.75, 1 - 2 ** -32]
  let share = 0
  const randomBytes = (length: number) => {
    if (length !== 4) return random(length)
    const bytes = new Uint8Array(4)
    new DataView(bytes.buffer).setUint32(0, share * 2 ** 32)
    return bytes
  }
  await rig.started()
  const sdk = await rig.started({ autoSync: true, randomBytes })
  await sdk.createOfflineTransaction(terms())
  expect(rig.timers.delaysMs).toEqual([1_000])
  rig.edge.weather = 'offline'
  for (let failures = 1; failures <= 12; failures++) {
    share = shares[failures % shares.length] ?? 0
    rig.timers.fire()
    await expect.poll(() => sdk.state.syncing).toBe(false)
    const delayMs = Math.floor(share * Math.min(300_000, 2_000 * 2 ** (failures - 1)))
    expect(rig.timers.delaysMs).toEqual([delayMs])
    // Another payment does not shorten the backoff.
    await sdk.createOfflineTransaction(terms())
    expect(rig.timers.delaysMs).toEqual([delayMs])
  }
  rig.edge.weather = undefined
  rig.timers.fire()
  await expect.poll(() => sdk.state.unsynced).toBe(0)
})
