import { useEffect } from 'react'

/** Keeps the screen from going dark while a code is on it, where the browser can (W3C Screen Wake Lock). */
export function useBrightScreen(): void {
  useEffect(() => {
    const holder: WakeLock | undefined = navigator.wakeLock
    if (holder === undefined) return
    let left = false
    let held: WakeLockSentinel | undefined
    const hold = async () => {
      if (left || document.visibilityState !== 'visible') return
      try {
        held = await holder.request('screen')
        if (left) await held.release()
      } catch {
        // A phone that saves its battery says no: the code is readable all the same.
      }
    }
    void hold()
    // The browser lets go when the page is not looked at.
    document.addEventListener('visibilitychange', hold)
    return () => {
      left = true
      document.removeEventListener('visibilitychange', hold)
      void held?.release()
    }
  }, [])
}
