import { useEffect, useState } from 'react'
import { type Persistence, persistStorage } from '../../device/browser/index.ts'
import { useTill } from './till-context.tsx'

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
  const { device } = useTill().words
  const [persistence, setPersistence] = useState<Persistence>()
  useEffect(() => {
    let current = true
    void persistStorage().then((found) => current && setPersistence(found))
    return () => {
      current = false
    }
  }, [])
  if (persistence === undefined) return null
  return (
    <section className="pos-section">
      <h3>{device.storage}</h3>
      <p>{persistence === 'persistent' ? device.storageKept : device.storageLoose}</p>
      {persistence !== 'persistent' && offer && (
        <button type="button" className="molam-button" onClick={() => void offer?.prompt()}>
          {device.install}
        </button>
      )}
    </section>
  )
}
