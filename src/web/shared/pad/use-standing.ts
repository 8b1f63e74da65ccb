import { useSyncExternalStore } from 'react'
import { useLimits, useOffline, useProfile } from '../../../ui/index.ts'
import { useApp } from '../app-context.tsx'
import type { Standing } from './readiness.ts'

/** A day ends, and a device is overdue, without anything happening on it. */
const LOOK_EVERY_MS = 10_000

/** The device's own time, to the last ten seconds: it moves on while the page stands still. */
function useNow(): number {
  const { sdk } = useApp()
  return useSyncExternalStore(subscribe, () => Math.floor(sdk.nowMs / LOOK_EVERY_MS) * LOOK_EVERY_MS)
}

/** What the till may take at this moment; undefined until its first contact with the edge. */
export function useStanding(): Standing | undefined {
  const { sdk } = useApp()
  const { status } = useOffline()
  const nowMs = useNow()
  // They are told when something happens on the device; the day that they are of may have ended since.
  useProfile()
  useLimits()
  const { profile } = sdk
  return profile && { status, isEnabled: profile.policy.enabled, allowance: sdk.getLimits(), nowMs }
}

function subscribe(changed: () => void): () => void {
  const timer = setInterval(changed, LOOK_EVERY_MS)
  document.addEventListener('visibilitychange', changed)
  return () => {
    clearInterval(timer)
    document.removeEventListener('visibilitychange', changed)
  }
}
