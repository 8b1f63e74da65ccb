import {
  type BrowserDevice,
  type BrowserDeviceOptions,
  browserKeyStore,
  enrolDevice,
  openOfflineDevice,
  webLocks,
} from '../../../src/device/browser/index.ts'
import type { Exclusive } from '../../../src/device/sdk/index.ts'
import { API, DEVICE, type TestEdge } from '../sdk/edge.ts'
import { terms } from '../sdk/rig.ts'
import { type Death, dieAt } from './death.ts'
import { EnrolmentEdge } from './enrolment-edge.ts'
import { freshName } from './kit.ts'
import { serveEdge } from './remote-edge.ts'
import type { Report, Shift } from './till.worker.ts'

/** A browser that is enrolled, and its edge. */
export interface Till {
  readonly name: string
  readonly edge: TestEdge
  open(over?: Partial<BrowserDeviceOptions>): Promise<BrowserDevice>
  /** Opened and initialized. */
  start(over?: Partial<BrowserDeviceOptions>): Promise<BrowserDevice>
}

export async function till(): Promise<Till> {
  const name = freshName()
  const enrolmentEdge = new EnrolmentEdge()
  const keyStore = browserKeyStore(name)
  await enrolDevice({ apiUrl: API, deviceId: DEVICE, code: enrolmentEdge.code, fetch: enrolmentEdge.fetch, keyStore })
  keyStore.close()
  if (enrolmentEdge.edge === undefined) throw new Error('not enrolled')
  const { fetch } = enrolmentEdge.edge
  const open: Till['open'] = (over) =>
    openOfflineDevice({ apiUrl: API, deviceId: DEVICE, name, fetch, autoSync: false, ...over })
  return {
    name,
    edge: enrolmentEdge.edge,
    open,
    async start(over) {
      const sdk = await open(over)
      await sdk.initialize()
      return sdk
    },
  }
}

/** What one worker did until it ended, or was ended. */
export interface Worked {
  readonly told: readonly { readonly localId: string; readonly amount: number }[]
  readonly ended: 'done' | 'dead'
}

/** Lets a worker do its shift on the till's storage, with the page's edge. */
export async function work({ name, edge }: Till, shift: Omit<Shift, 'name' | 'edge'>): Promise<Worked> {
  const channelName = `edge-${crypto.randomUUID()}`
  const endService = serveEdge(channelName, edge.fetch)
  const worker = new Worker(new URL('./till.worker.ts', import.meta.url), { type: 'module' })
  try {
    return await new Promise<Worked>((resolve, reject) => {
      const told: { localId: string; amount: number }[] = []
      worker.onerror = (event) => reject(new Error(event.message))
      worker.onmessage = ({ data }: MessageEvent<Report>) => {
        if ('failed' in data) reject(new Error(data.failed))
        else if ('told' in data) told.push({ localId: data.told, amount: data.amount })
        else resolve({ told, ...data })
      }
      worker.postMessage({ name, edge: channelName, ...shift } satisfies Shift)
    })
  } finally {
    worker.terminate()
    endService()
  }
}

/** As `work`, in the page itself: the context dies by never being answered again, and its locks are freed. */
export async function workUntil(shop: Till, steps: Shift['steps'], death: Death | undefined) {
  const told: string[] = []
  const dead = Promise.withResolvers<void>()
  let alive = true
  const counted = dieAt(death, () => {
    alive = false
    dead.resolve()
  })
  const locks = webLocks()
  const exclusive: Exclusive = (name, run, waitMs) =>
    new Promise((resolve, reject) => {
      void locks(
        name,
        async () => {
          if (alive) await Promise.race([dead.promise, run().then(resolve, reject)])
        },
        waitMs,
      ).catch(reject)
    })
  const shift = async () => {
    const sdk = await shop.start({ exclusive })
    for (const step of steps) {
      if (step === 'sync') await sdk.syncNow()
      else told.push(`${(await sdk.createOfflineTransaction(terms({ amount: step }))).localId} ${step}`)
    }
    await sdk.destroy()
  }
  await Promise.race([shift(), dead.promise])
  counted.restore()
  return { told, writes: counted.writes }
}
