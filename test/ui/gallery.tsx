import { type ReactNode, useEffect } from 'react'
import { generateOfflineQR } from '../../src/device/qr/index.ts'
import type { OfflineSDK } from '../../src/device/sdk/index.ts'
import {
  type Locale,
  OfflinePaymentButton,
  OfflinePaymentProvider,
  OfflineQRDisplay,
  OfflineStatusBanner,
  OfflineSyncProgress,
  OfflineTransactionList,
} from '../../src/ui/index.ts'
import { OWNER } from '../device/sdk/edge.ts'
import { terms } from '../device/sdk/rig.ts'
import { Till } from './till.tsx'

/** Every component in every state that it has, each on a device that really is in that state. */
export interface Exhibit {
  readonly name: string
  readonly sdk: OfflineSDK
  readonly timers: Till['timers']
  readonly children: ReactNode
  /** Brings the component into its state once it is on the page. */
  readonly act?: (root: Element) => void
}

const bytes = (length: number) => Uint8Array.from({ length }, (_, at) => (at * 151) % 251)
const press = (root: Element) => root.querySelector('button')?.click()
/** A request or a write that never ends. */
const never = () => new Promise<never>(() => undefined)

/** A device with a payment in each status. */
async function everyStatus(): Promise<Till> {
  const till = await Till.open()
  till.rig.edge.decide = ({ counter }) => {
    if (counter === 5) return { decision: 'review', reason: 'amount_review' }
    if (counter === 6) return { decision: 'quarantined', reason: 'risk_rejected' }
    return counter === 7 ? { decision: 'refused', reason: 'payer_not_proven' } : undefined
  }
  const amounts = [2_500, 12_000, 500, 7_250, 45_000, 9_900, 3_000, 1_200, 650]
  for (const amount of amounts) {
    await till.sdk.createOfflineTransaction(
      terms({ amount, ...(amount > 10_000 && { sender: OWNER, receiver: 'w-7' }) }),
    )
    till.rig.timeMs += 240_000
  }
  await till.sdk.voidTransaction(9)
  await till.sdk.syncNow()
  till.decide(1, 'succeeded')
  till.decide(2, 'succeeded')
  till.decide(3, 'failed', 'insufficient_funds')
  till.decide(4, 'reversed')
  await till.sdk.syncNow()
  await till.sdk.createOfflineTransaction(terms({ amount: 1_250_000 / 100 - 3_000 }))
  return till
}

export async function exhibits(): Promise<readonly Exhibit[]> {
  const shown: Exhibit[] = []
  const add = (name: string, till: Till, children: ReactNode, act?: Exhibit['act']) =>
    shown.push({ name, sdk: till.sdk, timers: till.timers, children, ...(act && { act }) })
  const pay = (amount = 2_500) => <OfflinePaymentButton terms={terms({ amount })} />

  const all = await everyStatus()
  add('online', all, <OfflineStatusBanner />)
  add('list', all, <OfflineTransactionList />)

  const offline = await Till.open()
  offline.rig.edge.weather = 'offline'
  await offline.sdk.createOfflineTransaction(terms())
  await offline.sdk.createOfflineTransaction(terms())
  await offline.sdk.syncNow()
  add('offline', offline, <OfflineStatusBanner />)
  add('sync later', offline, <OfflineSyncProgress />, press)
  add('idle', offline, pay())
  add('refused', offline, pay(250_000), press)
  add('taken', offline, pay(), press)
  add('choosable', offline, <OfflineTransactionList onSelect={() => undefined} />)

  const settled = await Till.open()
  add('settled', settled, pay(45_00), (root) => {
    press(root)
    settled.sdk.on('payment', ({ status }) => {
      if (status === 'pending_offline')
        void settled.sdk.syncNow().then(() => {
          settled.decide(1, 'succeeded')
          return settled.sdk.syncNow()
        })
    })
  })

  const blocked = await Till.open()
  await blocked.sdk.createOfflineTransaction(terms())
  blocked.rig.edge.status = 'suspended'
  await blocked.sdk.syncNow()
  add('blocked', blocked, <OfflineStatusBanner />)
  add('sync stopped', blocked, <OfflineSyncProgress />)

  const fresh = await Till.open()
  add('empty list', fresh, <OfflineTransactionList />)
  add('incomplete', fresh, <OfflinePaymentButton terms={undefined} />)
  add('one symbol', fresh, <OfflineQRDisplay qr={generateOfflineQR(bytes(339))} />)
  add('several symbols', fresh, <OfflineQRDisplay qr={generateOfflineQR(bytes(3_000))} />)

  const taking = await Till.open()
  taking.rig.storage.setItem = never
  add('taking', taking, pay(), press)

  const sending = await Till.open()
  for (let i = 0; i < 130; i++) await sending.sdk.createOfflineTransaction(terms({ amount: 100 }))
  let pushes = 0
  const { edge } = sending.rig
  const half = await sending.rig.started({
    fetch: (url, request) => (url.endsWith('/push') && ++pushes === 2 ? never() : edge.fetch(url, request)),
  })
  add('sending', new Till(sending.rig, half), <OfflineSyncProgress />, press)
  add('syncing', new Till(sending.rig, half), <OfflineStatusBanner />)

  const unmet = await Till.open()
  unmet.rig.edge.weather = 'offline'
  unmet.rig.storage.items.clear()
  const stranger = await unmet.rig.started()
  add('first contact', new Till(unmet.rig, stranger), <OfflineStatusBanner />)
  add('opening', new Till(unmet.rig, unmet.rig.sdk()), <OfflineStatusBanner />)
  return shown
}

/** All exhibits on one page. */
export function Gallery({ shown, locale }: { readonly shown: readonly Exhibit[]; readonly locale: Locale }) {
  return (
    <main className="gallery">
      <style>{`.gallery { columns: 3; column-gap: 24px; padding: 24px; background: var(--molam-surface); }
        .gallery > div { break-inside: avoid; margin-block-end: 24px; }`}</style>
      {shown.map((exhibit) => (
        <Frame key={exhibit.name} exhibit={exhibit} locale={locale} />
      ))}
    </main>
  )
}

function Frame({ exhibit, locale }: { readonly exhibit: Exhibit; readonly locale: Locale }) {
  const { name, sdk, timers, children, act } = exhibit
  useEffect(() => {
    const root = document.querySelector(`[data-exhibit="${name}"]`)
    if (root) act?.(root)
  }, [name, act])
  return (
    <div data-exhibit={name}>
      <OfflinePaymentProvider sdk={sdk} locale={locale} timers={timers}>
        {children}
      </OfflinePaymentProvider>
    </div>
  )
}
