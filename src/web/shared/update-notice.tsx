import { useSyncExternalStore } from 'react'
import { useApp } from './app-context.tsx'
import { update } from './service-worker.ts'

/** A new version waits for a person to ask for it. */
export function UpdateNotice() {
  const { words } = useApp()
  const isReady = useSyncExternalStore(update.subscribe, update.isReady)
  if (!isReady) return null
  return (
    <p className="app-update" role="status">
      {words.update.ready}{' '}
      <button type="button" className="molam-button" onClick={update.start}>
        {words.update.now}
      </button>
    </p>
  )
}
