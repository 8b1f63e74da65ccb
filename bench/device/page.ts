import { enrolDevice, openOfflineDevice } from '../../src/device/browser/index.ts'
import type { Prepare } from './page-types.ts'
import { takings } from './payments.ts'

/** What runs in the browser under measurement: a device as an app would open it, IndexedDB and keys of the browser. */

export const prepare: Prepare = async (invitation, payments) => {
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
