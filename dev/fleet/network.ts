import type { Fetch } from '../../src/device/sdk/index.ts'

/**
 * A device's network: there or not, and when it is there still bad. A request may be lost before it arrives, and an
 * answer on its way back, which is the case that doubles payments in lesser systems.
 */
export interface DeviceNetwork {
  readonly fetch: Fetch
  up: boolean
  /** How much of the traffic is lost, each way: 0–1. */
  loss: number
}

/** @param random 0–1, reproducible */
export function deviceNetwork(random: () => number): DeviceNetwork {
  const network: DeviceNetwork = {
    up: false,
    loss: 0,
    async fetch(url, { body, method, headers }) {
      if (!network.up || random() < network.loss) throw new TypeError('network is unreachable')
      const answer = await fetch(url, { method, headers, ...(body && { body: body as BodyInit }) })
      const bytes = await answer.arrayBuffer()
      if (!network.up || random() < network.loss) throw new TypeError('connection lost')
      return {
        status: answer.status,
        headers: answer.headers,
        arrayBuffer: async () => bytes,
        text: async () => new TextDecoder().decode(bytes),
      }
    },
  }
  return network
}
