import { useEffect, useState } from 'react'
import { generateOfflineQR } from '../../../device/qr/index.ts'
import { OfflineError, type RelayBundle } from '../../../device/sdk/index.ts'
import { useTimeFormat } from '../../../ui/hooks.ts'
import { OfflineErrorNotice, OfflineQRDisplay, useOffline } from '../../../ui/index.ts'
import { BackLink } from '../../shared/back-link.tsx'
import { hrefOf } from '../route.ts'
import { useTill } from '../till-context.tsx'
import { type Accepted, AcceptedNotice, AcceptReceipt } from './accept-receipt.tsx'

type Sealed =
  | { readonly status: 'making' | 'nothing' }
  | { readonly status: 'ready'; readonly relay: RelayBundle }
  | { readonly status: 'failed'; readonly error: OfflineError }

/** The bundle in flight as a code that another phone carries to the edge: the same sealed bytes that a sync sends. */
export function Carry() {
  const { sdk, words } = useTill()
  const { unsynced } = useOffline()
  const [sealed, setSealed] = useState<Sealed>({ status: 'making' })
  const [accepted, setAccepted] = useState<Accepted>()
  useEffect(() => {
    let current = true
    const show = (next: Sealed) => {
      if (current) setSealed(next)
    }
    if (unsynced === 0) show({ status: 'nothing' })
    else {
      sdk.sealForRelay().then(
        (relay) => show(relay ? { status: 'ready', relay } : { status: 'nothing' }),
        (error) =>
          show({
            status: 'failed',
            error: error instanceof OfflineError ? error : new OfflineError('storage_failed', { cause: error }),
          }),
      )
    }
    return () => {
      current = false
    }
  }, [sdk, unsynced])
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'today' })} />
      <h2>{words.carry.title}</h2>
      {accepted && <AcceptedNotice accepted={accepted} />}
      {sealed.status === 'making' && <p role="status">{words.carry.making}</p>}
      {sealed.status === 'nothing' && <p role="status">{words.carry.nothing}</p>}
      {sealed.status === 'failed' && <OfflineErrorNotice error={sealed.error} />}
      {sealed.status === 'ready' && <Code relay={sealed.relay} />}
      <AcceptReceipt onAccepted={setAccepted} />
    </div>
  )
}

function Code({ relay }: { readonly relay: RelayBundle }) {
  const { carry } = useTill().words
  const format = useTimeFormat()
  return (
    <>
      <p>{carry.what(relay.payments.length)}</p>
      <OfflineQRDisplay key={relay.bundleId} qr={generateOfflineQR(relay.bytes)} />
      <p className="app-note">{carry.until(format(relay.expiresAtMs))}</p>
    </>
  )
}
