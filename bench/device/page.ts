import { enrolDevice, openOfflineDevice } from '../../src/device/browser/index.ts'
import { takings } from './payments.ts'

/** What runs in the browser under measurement: a device as an app would open it, IndexedDB and keys of the browser. */
export interface PageTimes {
  /** From the call until the payment is journalled, of each. */
  readonly takenMs: readonly number[]
  /** Seals what waits, journals the bundle, signs it. */
  readonly sealedMs: number
  /** Signs the same bundle again. */
  readonly signedMs: number
}

export interface Invitation {
  readonly apiUrl: string
  readonly deviceId: string
  readonly code: string
}

/** Makes this browser a device, and takes over the edge's keys and policy. @returns what measures it */
export async function prepare(invitation: Invitation, payments: number): Promise<() => Promise<PageTimes>> {
  await enrolDevice(invitation)
  const { apiUrl, deviceId } = invitation
  const sdk = await openOfflineDevice({ apiUrl, deviceId, autoSync: false, behavior: 'force_offline' })
  const { status } = await sdk.initialize()
  if (status !== 'ready') throw new Error(`the device is ${status}`)
  return async () => {
    const takenMs: number[] = []
    for (const terms of takings(payments, 'different')) {
      takenMs.push(await timed(() => sdk.createOfflineTransaction(terms)))
    }
    const sealedMs = await timed(() => sdk.sealForRelay())
    const signedMs = await timed(() => sdk.sealForRelay())
    const bundle = await sdk.sealForRelay()
    if (bundle?.payments.length !== payments) throw new Error('not all payments are in the bundle')
    return { takenMs, sealedMs, signedMs }
  }
}

async function timed(run: () => Promise<unknown>): Promise<number> {
  const before = performance.now()
  await run()
  return performance.now() - before
}
