import type { DeviceId } from '../../../protocol/ids.ts'
import { CHANGE_WAIT_MS, type Exclusive, exclusively } from '../ports/contexts.ts'
import { Mutex } from './mutex.ts'

/** Another context's sync holds it for all of its requests; one that takes longer is frozen, or its network is. */
const SYNC_WAIT_MS = 120_000

/** What is done to a device one after the other, over all contexts that share its storage. */
export class DeviceLocks {
  readonly #deviceId: DeviceId
  readonly #exclusive: Exclusive | undefined
  readonly #changes = new Mutex()
  readonly #syncs = new Mutex()

  constructor(deviceId: DeviceId, exclusive: Exclusive | undefined) {
    this.#deviceId = deviceId
    this.#exclusive = exclusive
  }

  /** Short: never held over a request. */
  changing<T>(run: () => Promise<T>): Promise<T> {
    return this.#changes.run(() => this.#alone('journal', run, CHANGE_WAIT_MS))
  }

  /** Held for a whole run; changes are made meanwhile. */
  syncing<T>(run: () => Promise<T>): Promise<T> {
    return this.#syncs.run(() => this.#alone('sync', run, SYNC_WAIT_MS))
  }

  /** Resolves when the change under way is done. */
  idle(): Promise<void> {
    return this.#changes.run(async () => undefined)
  }

  #alone<T>(what: 'journal' | 'sync', run: () => Promise<T>, waitMs: number): Promise<T> {
    const name = `molam/${this.#deviceId}/${what}`
    return this.#exclusive ? exclusively(this.#exclusive, name, run, waitMs) : run()
  }
}
