import { useEffect } from 'react'
import type { Rescue } from '../../device/browser/index.ts'
import { type Locale, OfflinePaymentProvider, OfflineSyncProgress, useOffline } from '../../ui/index.ts'
import { AppProvider, useApp } from './app-context.tsx'
import type { Door } from './door.ts'
import { ExportUnsynced } from './export-unsynced.tsx'
import type { SharedMessages } from './words/messages.ts'

interface RescuedDeviceProps {
  readonly gone: { readonly rescue: Rescue; readonly deviceId: string }
  readonly door: Door
  readonly locale: Locale
  readonly words: SharedMessages
}

/**
 * The browser has deleted the device's storage while this page was open: what was never sent is in this page's memory alone.
 * It is sent, or saved as a file, before the page goes. Nothing is taken any more.
 */
export function RescuedDevice({ gone, door, locale, words }: RescuedDeviceProps) {
  const { sdk, sends } = gone.rescue
  return (
    <OfflinePaymentProvider sdk={sdk} locale={locale}>
      <AppProvider value={{ sdk, deviceId: gone.deviceId, door, words }}>
        <Rescued sends={sends} />
      </AppProvider>
    </OfflinePaymentProvider>
  )
}

function Rescued({ sends }: { readonly sends: boolean }) {
  const { door, words } = useApp()
  const { gone } = words
  const { unsynced } = useOffline()
  const isSafe = unsynced === 0
  useEffect(() => {
    if (isSafe) return
    const ask = (event: BeforeUnloadEvent) => event.preventDefault()
    addEventListener('beforeunload', ask)
    return () => removeEventListener('beforeunload', ask)
  }, [isSafe])
  return (
    <main className="app-alone">
      <h1>{gone.title}</h1>
      <p>{gone.what}</p>
      {isSafe ? (
        <>
          <p role="status">{gone.safe}</p>
          <button type="button" className="molam-button molam-primary" onClick={() => location.replace(door.base)}>
            {gone.again}
          </button>
        </>
      ) : (
        <>
          <p className="app-wrong" role="alert">
            {gone.unsynced(unsynced)}
          </p>
          {sends ? <OfflineSyncProgress /> : <p className="app-note">{gone.otherSends}</p>}
          <ExportUnsynced />
        </>
      )}
    </main>
  )
}
