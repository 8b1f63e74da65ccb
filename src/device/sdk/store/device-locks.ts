import type { DeviceId } from '../../../protocol/ids.ts'
import type { Exclusive } from '../ports/contexts.ts'
import { Mutex } from './mutex.ts'

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
    return this.#changes.run(() => this.#alone('journal', run))
  }

  /** Held for a whole run; changes are made meanwhile. */
  syncing<T>(run: () => Promise<T>): Promise<T> {
    return this.#syncs.run(() => this.#alone('sync', run))
  }

  /** Resolves when the change under way is done. */
  idle(): Promise<void> {
    return this.#changes.run(async () => undefined)
  }

  #alone<T>(what: 'journal' | 'sync', run: () => Promise<T>): Promise<T> {
    return this.#exclusive ? this.#exclusive(`molam/${this.#deviceId}/${what}`, run) : run()
  }
}
