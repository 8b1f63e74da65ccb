import {
  type Limits,
  type MandatedPayment,
  OfflineError,
  type OfflinePayment,
  type OfflineSDK,
  type OfflineState,
  type OpenClaim,
  type Pass,
  type Profile,
  type SyncProgress,
} from '../device/sdk/index.ts'
import { kept } from './same.ts'
import type { SyncRun } from './sync-run.ts'

/** What the components show of a device, at one moment. Parts that did not change stay the same objects. */
export interface DeviceSnapshot {
  readonly state: OfflineState
  /** Oldest first. */
  readonly payments: readonly OfflinePayment[]
  /** What others ask for out of the owner's wallet, oldest first. */
  readonly claims: readonly OpenClaim[]
  /** What the holder's mandates paid out of the owner's wallet, the newest first. */
  readonly mandated: readonly MandatedPayment[]
  /** Undefined until the device has a policy. */
  readonly allowance: Limits | undefined
  readonly profile: Profile | undefined
  /** With what a payer's phone signs where there is no network. */
  readonly pass: Omit<Pass, 'key'> | undefined
  readonly sync: SyncRun
}

/** Before the device is read, and on a server, which has none. */
export const EMPTY: DeviceSnapshot = {
  state: { status: 'created', syncing: false, unsynced: 'unknown', waiting: 0, damaged: [] },
  payments: [],
  claims: [],
  mandated: [],
  allowance: undefined,
  profile: undefined,
  pass: undefined,
  sync: { status: 'idle' },
}

/**
 * The SDK as an external store of React: every component of one render sees the same snapshot. Listens to the SDK only
 * while somebody listens here.
 */
export class SdkStore {
  readonly sdk: OfflineSDK | undefined
  readonly #listeners = new Set<() => void>()
  #snapshot = EMPTY
  #lastSync = EMPTY.sync
  #progress: SyncProgress | undefined
  #detach: (() => void) | undefined
  #refreshing = false

  constructor(sdk: OfflineSDK | undefined) {
    this.sdk = sdk
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener)
    this.#detach ??= this.#attach()
    return () => {
      this.#listeners.delete(listener)
      if (this.#listeners.size > 0) return
      this.#detach?.()
      this.#detach = undefined
    }
  }

  /** While nobody listens, nothing says when to read again: it is read every time. */
  readonly getSnapshot = (): DeviceSnapshot => (this.#detach ? this.#snapshot : this.#read())

  readonly getServerSnapshot = (): DeviceSnapshot => EMPTY

  /** Sends and fetches what waits; how it goes is in the snapshot's `sync`. */
  readonly syncNow = async (): Promise<void> => {
    try {
      await this.sdk?.syncNow()
    } catch (error) {
      if (!(error instanceof OfflineError)) throw error
      this.#ended({ status: 'failed', error })
    }
  }

  #attach(): (() => void) | undefined {
    const { sdk } = this
    if (sdk === undefined) return undefined
    const off = [
      sdk.on('state', () => this.#refresh()),
      sdk.on('payment', () => this.#refresh()),
      sdk.on('progress', (progress) => {
        this.#progress = progress
        this.#refresh()
      }),
      sdk.on('sync', (report) => this.#ended({ status: report.status, report })),
    ]
    this.#read()
    return () => {
      for (const remove of off) remove()
    }
  }

  #ended(run: SyncRun): void {
    this.#lastSync = run
    this.#progress = undefined
    this.#refresh()
  }

  /** Once for all that is told in one go: a receipt brings news of a hundred payments. */
  #refresh(): void {
    if (this.#refreshing) return
    this.#refreshing = true
    queueMicrotask(() => {
      this.#refreshing = false
      const before = this.#snapshot
      if (this.#read() === before) return
      for (const listener of this.#listeners) listener()
    })
  }

  #read(): DeviceSnapshot {
    const { sdk } = this
    if (sdk === undefined) return EMPTY
    const before = this.#snapshot
    const { state } = sdk
    this.#snapshot = kept(before, {
      state: kept(before.state, state),
      payments: kept(before.payments, sdk.getTransactions()),
      claims: kept(before.claims, sdk.claims()),
      mandated: kept(before.mandated, sdk.mandated()),
      allowance: kept(before.allowance, allowanceOf(sdk)),
      profile: kept(before.profile, sdk.profile),
      pass: kept(before.pass, passOf(sdk)),
      sync: kept(before.sync, state.syncing ? this.#running : this.#lastSync),
    })
    return this.#snapshot
  }

  get #running(): SyncRun {
    return { status: 'syncing', ...(this.#progress && { progress: this.#progress }) }
  }
}

/** Its key is read anew each time, and is nothing to show. */
function passOf({ pass }: OfflineSDK): DeviceSnapshot['pass'] {
  if (pass === undefined) return undefined
  const { key: _, ...shown } = pass
  return shown
}

function allowanceOf(sdk: OfflineSDK): Limits | undefined {
  try {
    return sdk.getLimits()
  } catch (error) {
    if (error instanceof OfflineError) return undefined
    throw error
  }
}
