import { useState, useSyncExternalStore } from 'react'
import { useApp } from './app-context.tsx'
import { offlinePage, registerServiceWorker } from './service-worker.ts'

/** Whether the page itself is on this phone: without it the till does not open where there is no network. */
export function OpensOffline() {
  const { door, words } = useApp()
  const { device, enrol } = words
  const isKept = useSyncExternalStore(offlinePage.subscribe, offlinePage.isKept)
  const [trying, setTrying] = useState(false)
  const retry = async () => {
    setTrying(true)
    await registerServiceWorker(door.base)
    setTrying(false)
  }
  return (
    <section className="app-section">
      <h3>{device.opensOffline}</h3>
      <p role="status">{isKept ? device.opensOfflineYes : device.opensOfflineNotYet}</p>
      {!isKept && (
        <button type="button" className="molam-button" aria-disabled={trying} onClick={() => !trying && void retry()}>
          {enrol.retry}
        </button>
      )}
    </section>
  )
}
