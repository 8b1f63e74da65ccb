import type { IndexMessage } from '../../src/edge/store/index-message.ts'

/** What a Device Object needs of the Worker's bindings. Its settings are read through `configOf`. */
export interface DeviceBindings {
  readonly SETTLE_QUEUE: Queue<Uint8Array>
  readonly INDEX_QUEUE: Queue<IndexMessage>
}
