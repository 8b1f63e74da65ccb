import { useSyncExternalStore } from 'react'
import type {
  Limits,
  MandatedPayment,
  OfflinePayment,
  OfflineState,
  OpenClaim,
  Pass,
  Profile,
} from '../device/sdk/index.ts'
import { formatTime, type TimeForm } from './format.ts'
import { useOfflineContext } from './provider.tsx'
import type { DeviceSnapshot } from './sdk-store.ts'
import type { SyncRun } from './sync-run.ts'

/** Renders again when this part of the device changes, and only then. */
function useDevice<T>(part: (snapshot: DeviceSnapshot) => T): T {
  const { store } = useOfflineContext()
  return useSyncExternalStore(
    store.subscribe,
    () => part(store.getSnapshot()),
    () => part(store.getServerSnapshot()),
  )
}

/**
 * How the device stands: a union by `status`. `created` also where there is no SDK yet.
 *
 * @example
 * const device = useOffline()
 * if (device.status === 'blocked') return <Blocked code={device.error.code} />
 */
export const useOffline = (): OfflineState => useDevice(({ state }) => state)

/** All payments on the device, oldest first. */
export const usePayments = (): readonly OfflinePayment[] => useDevice(({ payments }) => payments)

/** @param localId `<device_id>/<counter>` */
export const usePayment = (localId: string | undefined): OfflinePayment | undefined =>
  useDevice(({ payments }) => payments.find((payment) => payment.localId === localId))

/**
 * Payments that others took out of this device's wallet and that wait for its holder's answer, oldest first. The SDK's
 * `answerClaim` gives it.
 */
export const useClaims = (): readonly OpenClaim[] => useDevice(({ claims }) => claims)

/** Payments out of this device's wallet that its holder's mandate paid without asking, the newest first. */
export const useMandated = (): readonly MandatedPayment[] => useDevice(({ mandated }) => mandated)

/** What may still be taken today; undefined until the device has a policy. */
export const useLimits = (): Limits | undefined => useDevice(({ allowance }) => allowance)

/** Whose device it is, and by which rules it takes payments; undefined until it was in contact with the edge once. */
export const useProfile = (): Profile | undefined => useDevice(({ profile }) => profile)

/** Until when this phone can sign what a till asks with no network, and for how much at a time; undefined without a pass. */
export const usePass = (): Omit<Pass, 'key'> | undefined => useDevice(({ pass }) => pass)

/** The zone that days and times are shown in: the provider's, else the policy's. */
export function useTimeZone(): string {
  const { timeZone } = useOfflineContext()
  return useDevice(({ profile }) => timeZone ?? profile?.policy.timeZone ?? 'UTC')
}

/** Writes an instant in the language of the provider and the zone of the policy. */
export function useTimeFormat(): (atMs: number, form?: TimeForm) => string {
  const { locale } = useOfflineContext()
  const zone = useTimeZone()
  return (atMs, form) => formatTime(atMs, locale, zone, form)
}

/**
 * How the sync goes, and how to start one. `syncNow` does not throw for a network that is not there, and may be called
 * during a run.
 *
 * @example
 * const { run, syncNow } = useSync()
 * <button onClick={syncNow}>{run.status === 'syncing' ? '…' : 'Sync'}</button>
 */
export function useSync(): { readonly run: SyncRun; readonly syncNow: () => Promise<void> } {
  const { store } = useOfflineContext()
  return { run: useDevice(({ sync }) => sync), syncNow: store.syncNow }
}

/** Whether this storage may be cleared: logging out, removing the device, resetting the app. */
export type UnsyncedGuard =
  /** All payments were read, and the edge has every one of them. */
  | { readonly status: 'safe' }
  /** `count` payments are nowhere else: clearing would lose them. `message` says so. */
  | { readonly status: 'unsynced'; readonly count: number; readonly message: string }
  /** The payments were not read, or cannot be: there may be some that are nowhere else. `message` says so. */
  | { readonly status: 'unknown'; readonly message: string }

/**
 * Asked before anything that clears the storage.
 *
 * @example
 * const guard = useUnsyncedGuard()
 * <button disabled={guard.status !== 'safe'} onClick={logout}>…</button>
 */
export function useUnsyncedGuard(): UnsyncedGuard {
  const { banner } = useOfflineContext().words
  const count = useDevice(({ state }) => state.unsynced)
  if (count === 0) return { status: 'safe' }
  if (count === 'unknown') return { status: 'unknown', message: banner.unknown }
  return { status: 'unsynced', count, message: banner.unsynced(count) }
}
