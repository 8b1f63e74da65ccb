import { BUNDLE_MEDIA_TYPE } from '../../../src/protocol/bundle.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { type Made, TestDevice } from '../../kit/device.ts'
import type { Market } from './market.ts'

/** Somebody who has a till's key and speaks the protocol, and pushes whatever he likes to the real edge. */
export class Thief {
  readonly device: TestDevice
  readonly wallet: string
  /** Ids of the bundles for which the edge gave a receipt. */
  readonly admitted: string[] = []
  readonly #market: Market

  private constructor(market: Market, device: TestDevice, wallet: string) {
    this.#market = market
    this.device = device
    this.wallet = wallet
  }

  static async create(market: Market, wallet: string): Promise<Thief> {
    return new Thief(market, await TestDevice.create(), wallet)
  }

  /** Out of a wallet, into the till's own where the terms do not say otherwise. */
  takes(sender: string, terms: Partial<Payment> & Pick<Payment, 'amount'>): Payment {
    return this.device.payment({ sender, receiver: this.wallet, ...terms })
  }

  /** @param how a carrier brings it; a hole stands before it in the chain. @returns the edge's word, `admitted` with a receipt */
  async push(payments: readonly Payment[], how: { readonly relay?: boolean; readonly hole?: boolean } = {}) {
    if (how.hole) this.device.seq += 1
    const before = { seq: this.device.seq, prev: this.device.prev }
    const made = await this.device.bundle(payments, this.#market.keys, { relay: how.relay ?? false })
    const word = await this.send(made)
    // As an honest device goes on after a refusal of the whole bundle.
    if (word !== 'admitted') Object.assign(this.device, before)
    return word
  }

  async send(made: Made): Promise<string> {
    const answer = await fetch(`${this.#market.stack.edge.url}/offline/push`, {
      method: 'POST',
      headers: { accept: 'application/cbor', 'content-type': BUNDLE_MEDIA_TYPE },
      body: new Uint8Array(made.bundle),
    })
    if (answer.status !== 200) return ((await answer.json()) as { code?: string }).code ?? `${answer.status}`
    await answer.arrayBuffer()
    this.admitted.push(ulidText(made.header.bundleId))
    return 'admitted'
  }
}
