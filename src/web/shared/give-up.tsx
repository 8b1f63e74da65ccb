import { useEffect, useState } from 'react'
import { useOfflineContext } from '../../ui/provider.tsx'
import { useApp } from './app-context.tsx'

/** Milliseconds after which a payment that is being taken looks stuck. */
const STUCK_MS = 5_000

/** The way out while the phone's storage does not answer: nothing is taken later behind the customer's back. */
export function GiveUp({ onGiveUp }: { readonly onGiveUp: () => void }) {
  const { slow } = useApp().words
  const { timers } = useOfflineContext()
  const [stuck, setStuck] = useState(false)
  useEffect(() => {
    const timer = timers.set(() => setStuck(true), STUCK_MS)
    return () => timers.clear(timer)
  }, [timers])
  if (!stuck) return null
  return (
    <>
      <p className="app-note" role="status">
        {slow.what}
      </p>
      <button type="button" className="molam-button" onClick={onGiveUp}>
        {slow.giveUp}
      </button>
    </>
  )
}
