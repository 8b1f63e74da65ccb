import { BUNDLE_MEDIA_TYPE } from '../../../src/protocol/bundle.ts'
import { toBase64url } from '../../../src/protocol/bytes.ts'
import { parseSign1 } from '../../../src/protocol/cose.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import { currency } from '../../../src/protocol/money.ts'
import { decodeNotice, decodePushResponse } from '../../../src/protocol/notice.ts'
import { passIn } from '../../../src/protocol/pass.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { decodeReceipt } from '../../../src/protocol/receipt.ts'
import { signAllowanceOrder } from '../../kit/allowance.ts'
import { type Made, TestDevice } from '../../kit/device.ts'
import { until } from '../../kit/journey.ts'
import type { Market } from './market.ts'

/** Somebody who has a till's key and speaks the protocol, and pushes whatever he likes to the real edge. */
export class Thief {
  readonly device: TestDevice
  readonly wallet: string
  /** Ids of the bundles for which the edge gave a receipt. */
  readonly admitted: string[] = []
  /** Why receipts refused payments, by their counters. */
  readonly refused = new Map<number, string>()
  readonly #market: Market

  private constructor(market: Market, device: TestDevice, wallet: string) {
    this.#market = market
    this.device = device
    this.wallet = wallet
  }

  static async create(market: Market, wallet: string): Promise<Thief> {
    // Nobody signs for its payers but whom a test names.
    return new Thief(market, Object.assign(await TestDevice.create(wallet), { signsForPayers: false }), wallet)
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
    const { receipt } = decodePushResponse(new Uint8Array(await answer.arrayBuffer()))
    for (const { counter, decision, reason } of decodeReceipt(parseSign1(receipt).payload).exceptions) {
      if (decision === 'refused') this.refused.set(counter, reason ?? '')
    }
    this.admitted.push(ulidText(made.header.bundleId))
    return 'admitted'
  }

  /** The pass that the edge gives it, as its SDK asks for it. */
  async pass(): Promise<Uint8Array | undefined> {
    const url = `${this.#market.stack.edge.url}/offline/notice`
    const authorization = `Molam-Device ${await this.device.proof('GET', url)}`
    const asked = { authorization, accept: 'application/cbor', 'molam-cursor': '0', 'molam-pass': '1' }
    const answer = await fetch(url, { headers: asked })
    if (answer.status !== 200) throw new Error(`notice: ${answer.status} ${await answer.text()}`)
    return decodeNotice(parseSign1(new Uint8Array(await answer.arrayBuffer())).payload).pass
  }

  /** @returns the pass with the allowance, once the ledger holds the money */
  async allowance(ceiling: number): Promise<Uint8Array> {
    const terms = { choice: 'open', wallet: this.wallet, no: 1, currency: currency('XOF'), ceiling } as const
    const answer = await fetch(`${this.#market.stack.edge.url}/offline/allowances`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ order: toBase64url(await signAllowanceOrder(this.device, terms)) }),
    })
    if (answer.status !== 200) throw new Error(`allowance: ${answer.status} ${await answer.text()}`)
    return until(async () => {
      const pass = await this.pass()
      return passIn(pass)?.allowance !== undefined && pass
    })
  }
}
