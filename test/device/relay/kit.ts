import { BundleCarrier, type CarrierOptions } from '../../../src/device/relay/index.ts'
import { memoryStorage } from '../../../src/device/sdk/ports/storage.ts'
import { type Made, TestDevice } from '../../kit/device.ts'
import { API, DEVICE, TestEdge } from '../sdk/edge.ts'

/** A device without a network, a phone that carries for it, and the edge. */
export class Relay {
  timeMs = Date.now()
  readonly items = new Map<string, string>()
  readonly device: TestDevice
  readonly edge: TestEdge

  private constructor(device: TestDevice, edge: (relay: Relay) => TestEdge) {
    this.device = device
    this.edge = edge(this)
  }

  static async create(): Promise<Relay> {
    const device = await TestDevice.create()
    let now = () => 0
    const edge = await TestEdge.create(() => now(), device.signer.key)
    return new Relay(device, (relay) => {
      now = () => relay.timeMs
      return edge
    })
  }

  /** The next bundle of the device, signed for a carrier. */
  bundle(over: Parameters<TestDevice['bundle']>[2] = {}): Promise<Made> {
    const { device, edge } = this
    return device.bundle([device.payment()], edge.keySet, { deviceId: DEVICE, relay: true, ...over })
  }

  /** A process of the carrying phone. */
  carrier(over: Partial<CarrierOptions> = {}): BundleCarrier {
    return new BundleCarrier({
      apiUrl: API,
      storage: memoryStorage(this.items),
      fetch: this.edge.fetch,
      clock: { nowMs: () => this.timeMs, monotonicMs: () => this.timeMs },
      ...over,
    })
  }

  get pushes(): number {
    return this.edge.requests.length
  }
}

export const statusesOf = async (carrier: BundleCarrier) => (await carrier.list()).map(({ state }) => state.status)
