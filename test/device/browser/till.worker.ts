import { openOfflineDevice } from '../../../src/device/browser/index.ts'
import { API, DEVICE } from '../sdk/edge.ts'
import { terms } from '../sdk/rig.ts'
import { type Death, dieAt } from './death.ts'
import { fetchFrom } from './remote-edge.ts'

/** A context of its own that takes payments and syncs, as a tab does. It can be made to die at one of its writes. */
export interface Shift {
  readonly name: string
  readonly edge: string
  /** What it does, in this order: numbers are payments with this amount. */
  readonly steps: readonly ('sync' | number)[]
  readonly payer: string
  readonly diesAt?: Death
}

export type Report =
  | { readonly told: string; readonly amount: number }
  | { readonly ended: 'done' | 'dead' }
  | { readonly failed: string }

const report = (message: Report) => postMessage(message)

addEventListener('message', ({ data }: MessageEvent<Shift>) => {
  work(data).catch((error: unknown) => report({ failed: String(error) }))
})

async function work({ name, edge, steps, payer, diesAt }: Shift): Promise<void> {
  const counted = dieAt(diesAt, () => {
    report({ ended: 'dead' })
    // It runs nothing any more until it is ended from outside.
    for (;;);
  })
  const sdk = await openOfflineDevice({ apiUrl: API, deviceId: DEVICE, name, fetch: fetchFrom(edge), autoSync: false })
  await sdk.initialize()
  for (const step of steps) {
    if (step === 'sync') {
      await sdk.syncNow()
    } else {
      const { localId } = await sdk.createOfflineTransaction(terms({ amount: step, sender: payer }))
      report({ told: localId, amount: step })
    }
  }
  await sdk.destroy()
  counted.restore()
  report({ ended: 'done' })
}
