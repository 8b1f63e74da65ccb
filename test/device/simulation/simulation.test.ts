import { describe, expect, it } from 'vitest'
import { memoryStorage } from '../../../src/device/sdk/index.ts'
import { type Simulation, simulated } from '../../../src/device/simulation/index.ts'
import { API } from '../sdk/edge.ts'
import { Rig, terms } from '../sdk/rig.ts'

/** A device that is simulated from its second start on. */
async function started(simulation: Simulation) {
  const rig = await Rig.create()
  await rig.started()
  rig.edge.requests = []
  const { edge, storage } = rig
  const bent = simulated(simulation, { apiUrl: API, fetch: edge.fetch, storage })
  return { rig, sdk: await rig.started(bent) }
}

const pushes = (rig: Rig) => rig.edge.requests.filter(({ path }) => path === '/offline/push').length

it('offline: nothing leaves the device', async () => {
  const { rig, sdk } = await started({ mode: 'offline' })
  await sdk.createOfflineTransaction(terms())
  expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', error: { code: 'network_failed' }, unsynced: 1 })
  expect(rig.edge.requests).toEqual([])
})

it('timeout: the push arrives and is never answered', async () => {
  const { rig, sdk } = await started({ mode: 'timeout' })
  await sdk.createOfflineTransaction(terms())
  const syncing = sdk.syncNow()
  await expect.poll(() => rig.edge.bundles.length).toBe(1)
  rig.timers.fire()
  expect(await syncing).toMatchObject({ status: 'retry_later', error: { code: 'timed_out' }, unsynced: 1 })
})

it('lostAck, so many times: the push arrives each time, is admitted once, and the payment acknowledged in the end', async () => {
  const { rig, sdk } = await started({ mode: 'lostAck', times: 2 })
  await sdk.createOfflineTransaction(terms())
  expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 1 })
  expect(await sdk.syncNow()).toMatchObject({ status: 'retry_later', unsynced: 1 })
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(pushes(rig)).toBe(3)
  expect(rig.edge.counters).toEqual([1])
})

it('duplicate: the push arrives twice, and is admitted once', async () => {
  const { rig, sdk } = await started({ mode: 'duplicate' })
  await sdk.createOfflineTransaction(terms())
  expect(await sdk.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(pushes(rig)).toBe(2)
  expect(rig.edge.counters).toEqual([1])
})

it('intermittent: the same seed loses the same requests, and another one others', async () => {
  const run = async (seed: number) => {
    const { rig, sdk } = await started({ mode: 'intermittent', loss: 0.5, seed })
    const statuses: string[] = []
    for (let i = 0; i < 12; i++) statuses.push((await sdk.syncNow()).status)
    expect(rig.edge.requests).toHaveLength(statuses.filter((status) => status === 'done').length)
    return statuses
  }
  const first = await run(7)
  expect(await run(7)).toEqual(first)
  expect(new Set(first)).toEqual(new Set(['done', 'retry_later']))
  expect(await run(8)).not.toEqual(first)
})

it('crashAfterSend: the instance writes nothing any more, and a new one finds its receipt', async () => {
  const { rig, sdk } = await started({ mode: 'crashAfterSend' })
  await sdk.createOfflineTransaction(terms())
  const syncing = sdk.syncNow()
  await expect.poll(() => rig.edge.bundles.length).toBe(1)
  const { calls } = rig.storage
  await syncing.catch(() => undefined)
  await expect(sdk.createOfflineTransaction(terms())).rejects.toMatchObject({ money: 'not_taken' })
  await sdk.syncNow().catch(() => undefined)
  expect(rig.storage.calls).toBe(calls)
  expect(pushes(rig)).toBe(1)
  const restarted = await rig.started()
  expect(restarted.state.unsynced).toBe(1)
  expect(await restarted.syncNow()).toMatchObject({ status: 'done', unsynced: 0 })
  expect(rig.edge.counters).toEqual([1])
})

describe('where the edge could be a real one, it is refused', () => {
  const simulate = (apiUrl: string) => () => simulated({ mode: 'offline' }, { apiUrl, storage: memoryStorage() })

  it.each([
    'https://offline.molam.example',
    'https://localhost.molam.example',
    'https://molam.test.example',
    'http://10.0.0.1',
    'https://127.0.0.1.nip.io',
    'https://test',
    'https://molam.example/localhost',
    'https://evil-localhost',
  ])('%s', (apiUrl) => {
    expect(simulate(apiUrl)).toThrow(RangeError)
  })

  it.each([
    'http://localhost:8787',
    'http://127.0.0.1:8787/base',
    'http://[::1]:1',
    'https://edge.test',
    'http://a.b.localhost',
  ])('%s is none', (apiUrl) => {
    expect(simulate(apiUrl)).not.toThrow()
  })
})
