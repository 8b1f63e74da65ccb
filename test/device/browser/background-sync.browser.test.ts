import { describe, expect, it } from 'vitest'
import { cdp } from 'vitest/browser'
import {
  BACKGROUND_SYNC_TAG,
  onBackgroundSync,
  registerBackgroundSync,
  syncInBackground,
} from '../../../src/device/browser/index.ts'
import { API, DEVICE } from '../sdk/edge.ts'
import { terms } from '../sdk/rig.ts'
import { connectionsOf, freshName, isClosed } from './kit.ts'
import { serveEdge } from './remote-edge.ts'
import { type Till, till } from './till.ts'

const FOLDER = '/test/device/browser/'

interface Devtools {
  send(method: string, params?: object): Promise<unknown>
  on(event: string, listener: (params: { registrations: { registrationId: string; scopeURL: string }[] }) => void): void
}

/** A real service worker for the till's database, with the page's edge as its network. */
async function serviceWorkerOf(shop: Till) {
  const edge = `edge-${crypto.randomUUID()}`
  const endService = serveEdge(edge, shop.edge.fetch)
  const script = `${FOLDER}sync.worker.ts?${new URLSearchParams({ name: shop.name, edge })}`
  const scope = `${FOLDER}${shop.name}/`
  const registration = await navigator.serviceWorker.register(script, { type: 'module', scope })
  const worker = registration.installing ?? registration.active
  await new Promise<void>((resolve) => {
    const look = () => worker?.state === 'activated' && resolve()
    worker?.addEventListener('statechange', look)
    look()
  })
  return {
    /** The browser says that there is a network. A headless one never says so by itself. */
    async wake(tag: string) {
      const devtools = cdp() as unknown as Devtools
      const registrationId = await new Promise<string>((resolve) => {
        devtools.on('ServiceWorker.workerRegistrationUpdated', ({ registrations }) => {
          const own = registrations.find(({ scopeURL }) => scopeURL.endsWith(scope))
          if (own) resolve(own.registrationId)
        })
        void devtools.send('ServiceWorker.enable')
      })
      const sync = { origin: location.origin, registrationId, tag, lastChance: false }
      await devtools.send('ServiceWorker.dispatchSyncEvent', sync)
      await devtools.send('ServiceWorker.disable')
    },
    async end() {
      await registration.unregister()
      endService()
    },
  }
}

describe('background sync', () => {
  it('a service worker that the browser wakes sends what waits, and the open page hears of it', async () => {
    const shop = await till()
    const { wake, end } = await serviceWorkerOf(shop)
    const page = await shop.start()
    await page.createOfflineTransaction(terms())
    const acknowledged = new Promise((resolve) => page.on('payment', resolve))
    await wake(BACKGROUND_SYNC_TAG)
    expect(await acknowledged).toMatchObject({ localId: `${DEVICE}/1`, status: 'pending' })
    expect(page.state).toMatchObject({ unsynced: 0 })
    expect(shop.edge.counters).toEqual([1])
    await page.destroy()
    await end()
  })

  it('is asked for once when payments begin to wait, and again the next time', async () => {
    const shop = await till()
    const tags: string[] = []
    const serviceWorker = { sync: { register: async (tag: string) => void tags.push(tag) } }
    const page = await shop.start({ serviceWorker: serviceWorker as unknown as ServiceWorkerRegistration })
    expect(tags).toEqual([])
    await page.createOfflineTransaction(terms())
    await page.createOfflineTransaction(terms())
    expect(tags).toEqual([BACKGROUND_SYNC_TAG])
    await page.syncNow()
    await page.createOfflineTransaction(terms())
    expect(tags).toEqual([BACKGROUND_SYNC_TAG, BACKGROUND_SYNC_TAG])
    await page.destroy()
  })

  it('reports what it sent, closes the device, and rejects while payments wait, so that the browser tries again', async () => {
    const shop = await till()
    const page = await shop.start()
    await page.createOfflineTransaction(terms())
    await page.destroy()
    const { fetch } = shop.edge
    const sync = () => syncInBackground({ name: shop.name, fetch })
    const connections = await connectionsOf(async () => {
      shop.edge.weather = 'offline'
      await expect(sync()).rejects.toMatchObject({ code: 'network_failed' })
      shop.edge.weather = undefined
      expect(await sync()).toMatchObject({ status: 'done', bundles: 1, unsynced: 0 })
    })
    expect(connections.map(isClosed)).toEqual([true, true, true, true])
    expect(shop.edge.counters).toEqual([1])
  })

  it('does nothing in a browser that is no device, and leaves events that are not ours alone', async () => {
    expect(await syncInBackground({ name: freshName() })).toBeUndefined()
    const event = Object.assign(new Event('sync'), {
      tag: 'something-else',
      waitUntil: () => expect.unreachable('not ours'),
    })
    onBackgroundSync(event, { apiUrl: API })
  })

  it('a browser without it says so', async () => {
    const registration = {} as ServiceWorkerRegistration
    expect(await registerBackgroundSync(registration)).toBe(false)
    const refused = { sync: { register: () => Promise.reject(new Error('NotAllowedError')) } }
    expect(await registerBackgroundSync(refused as unknown as ServiceWorkerRegistration)).toBe(false)
  })
})
