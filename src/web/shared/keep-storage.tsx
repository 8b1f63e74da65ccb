import { useEffect, useState } from 'react'
import { type Persistence, persistStorage } from '../../device/browser/index.ts'
import { useApp } from './app-context.tsx'
import { isTabBesideApp } from './install-first.tsx'
import type { SharedMessages } from './words/messages.ts'

/** Chromium's offer to install the page (Web Install); other browsers have it in their menu. */
interface InstallOffer extends Event {
  prompt(): Promise<unknown>
}

let offer: InstallOffer | undefined
addEventListener('beforeinstallprompt', (event) => {
  event.preventDefault()
  offer = event as InstallOffer
})

/** Whether the browser may clear the payments by itself, and the way to keep it from doing so: an installed app is kept. */
export function KeepStorage() {
  const { device } = useApp().words
  const [persistence, setPersistence] = useState<Persistence>()
  useEffect(() => {
    let current = true
    void persistStorage().then((found) => current && setPersistence(found))
    return () => {
      current = false
    }
  }, [])
  return (
    <section className="app-section">
      <h3>{device.storage}</h3>
      <p>{adviceOf(persistence, device)}</p>
      {persistence !== 'persistent' && offer && (
        <button type="button" className="molam-button" onClick={() => void offer?.prompt()}>
          {device.install}
        </button>
      )}
    </section>
  )
}

/**
 * Installing is advised only where the app has the storage of this tab. While the browser still asks the person, nothing is
 * protected.
 */
function adviceOf(persistence: Persistence | undefined, device: SharedMessages['device']): string {
  if (persistence === 'persistent') return device.storageKept
  if (isTabBesideApp()) return device.storageTab
  return offer ? device.storageInstall : device.storageLoose
}
