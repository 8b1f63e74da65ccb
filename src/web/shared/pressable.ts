import { useEffect, useState } from 'react'
import { useOfflineContext } from '../../ui/provider.tsx'

/** Milliseconds in which a tap is still the second one of a double tap, meant for the step before. */
const STANDS_MS = 500

/**
 * Whether the step has stood long enough to be what a person presses. Until then its main button does nothing: on a phone
 * it lies where the one of the step before was.
 */
export function usePressable(): boolean {
  const { timers } = useOfflineContext()
  const [pressable, setPressable] = useState(false)
  useEffect(() => {
    const timer = timers.set(() => setPressable(true), STANDS_MS)
    return () => timers.clear(timer)
  }, [timers])
  return pressable
}
