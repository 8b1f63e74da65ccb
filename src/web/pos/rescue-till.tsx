import { useEffect, useMemo } from 'react'
import { type Locale, OfflinePaymentProvider, OfflineSyncProgress, useOffline } from '../../ui/index.ts'
import { ExportUnsynced } from './export-unsynced.tsx'
import type { Opened } from './open.ts'
import { TillProvider, useTill } from './till-context.tsx'
import { Seen } from './unseen/seen.ts'
import type { Messages } from './words/messages.ts'

interface RescueTillProps {
  readonly till: Extract<Opened, { status: 'gone' }>
  readonly locale: Locale
  readonly words: Messages
}

/**
 * The browser has deleted the till's storage while this page was open: what was never sent is in this page's memory alone.
 * It is sent, or saved as a file, before the page goes. Nothing is taken any more.
 */
export function RescueTill({ till, locale, words }: RescueTillProps) {
  const { rescue, deviceId, carrying } = till
  const { sdk, sends } = rescue
  const seen = useMemo(() => new Seen(deviceId), [deviceId])
  return (
    <OfflinePaymentProvider sdk={sdk} locale={locale}>
      <TillProvider value={{ sdk, deviceId, carrying, seen, words }}>
        <Rescued sends={sends} />
      </TillProvider>
    </OfflinePaymentProvider>
  )
}

function Rescued({ sends }: { readonly sends: boolean }) {
  const { gone } = useTill().words
  const { unsynced } = useOffline()
  const isSafe = unsynced === 0
  useEffect(() => {
    if (isSafe) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [isSafe])
  return (
    <main className="pos-alone">
      <h1>{gone.title}</h1>
      <p>{gone.what}</p>
      {isSafe ? (
        <>
          <p role="status">{gone.safe}</p>
          <button type="button" className="molam-button molam-primary" onClick={() => location.replace('/pos/')}>
            {gone.again}
          </button>
        </>
      ) : (
        <>
          <p className="pos-wrong" role="alert">
            {gone.unsynced(unsynced)}
          </p>
          {sends ? <OfflineSyncProgress /> : <p className="pos-note">{gone.otherSends}</p>}
          <ExportUnsynced />
        </>
      )}
    </main>
  )
}
