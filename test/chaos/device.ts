import type { PayerPhone } from '../../dev/fleet/payer.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { type Fetch, memoryStorage, OfflineSDK, scalarKeyStore } from '../../src/device/sdk/index.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { parseSign1 } from '../../src/protocol/cose.ts'
import { ulidText } from '../../src/protocol/ids.ts'
import { decodePushResponse } from '../../src/protocol/notice.ts'
import { decodeReceipt, type Receipt } from '../../src/protocol/receipt.ts'
import { Life } from './life.ts'
import type { Deal } from './market.ts'

/** What the network does with one request. `send` carries it to the edge; each call is another delivery of it. */
export type Carry = (send: () => ReturnType<Fetch>, path: string) => ReturnType<Fetch>

export const goodNetwork: Carry = (send) => send()
export const noNetwork: Carry = async () => {
  throw new TypeError('network is unreachable')
}

/** Seconds that a payment takes people: the device's clock runs ahead by as much with each one. */
const SECONDS_PER_PAYMENT = 8

/** A device whose process can be ended at any step, and whose network does what the test says. */
export class ChaosDevice {
  readonly id: string
  readonly wallet: string
  readonly privateKey: Uint8Array
  /** What people were told is paid: it must not be lost. */
  readonly deals = new Map<string, Deal>()
  readonly declined = new Map<string, number>()
  readonly disk = new Map<string, string>()
  /** Every receipt that the edge answered with, by bundle, also when the answer never reached the device. */
  readonly receipts = new Map<string, { readonly receipt: Receipt; readonly signed: Set<string> }>()
  /** Every push that reached the edge, as it was on the wire. */
  readonly pushes: Parameters<Fetch>[] = []
  carry: Carry = noNetwork
  /** By wallet, the phone that says yes for its holder. */
  phones: ReadonlyMap<string, PayerPhone> = new Map()
  life = new Life()
  sdk: OfflineSDK
  readonly #apiUrl: string
  #aheadMs = 0

  constructor(apiUrl: string, id: string, wallet: string, privateKey: Uint8Array) {
    this.#apiUrl = apiUrl
    this.id = id
    this.wallet = wallet
    this.privateKey = privateKey
    this.sdk = this.#boot()
  }

  /** The names of the payments that people were told are paid. */
  get taken(): ReadonlySet<string> {
    return new Set(this.deals.keys())
  }

  /** A new process over what is on disk. */
  async restart(): Promise<void> {
    this.life.endAfter(0)
    this.life = new Life()
    this.sdk = this.#boot()
    await this.sdk.initialize()
  }

  async take(deal: Deal): Promise<void> {
    this.#aheadMs += SECONDS_PER_PAYMENT * 1000
    const authorization = await this.phones.get(deal.terms.sender)?.authorize(deal.terms, {
      takerId: this.id,
      atMs: this.sdk.nowMs,
    })
    const terms = { ...deal.terms, ...(authorization && { authorization }) }
    const { localId } = await this.sdk.createOfflineTransaction(terms)
    this.deals.set(localId, deal)
  }

  #boot(): OfflineSDK {
    return new OfflineSDK({
      apiUrl: this.#apiUrl,
      deviceId: this.id,
      storage: this.life.storage(memoryStorage(this.disk)),
      atRest: 'none',
      keyStore: scalarKeyStore(webCryptoSuite, this.privateKey),
      suite: webCryptoSuite,
      fetch: this.life.network((url, request) => {
        const send = () => this.#send(url, request)
        return this.carry(send, new URL(url).pathname)
      }),
      clock: {
        nowMs: () => Date.now() + this.#aheadMs,
        monotonicMs: () => performance.now() + this.#aheadMs,
      },
    })
  }

  /** To the edge and back, over the real network. */
  async #send(...sent: Parameters<Fetch>): ReturnType<Fetch> {
    const [url, { method, headers, body }] = sent
    const isPush = url.endsWith('/offline/push')
    if (isPush) this.pushes.push(sent)
    const answer = await fetch(url, { method, headers, ...(body && { body: body as BodyInit }) })
    const bytes = await answer.arrayBuffer()
    if (isPush && answer.status === 200) this.#note(new Uint8Array(bytes))
    return {
      status: answer.status,
      headers: answer.headers,
      arrayBuffer: async () => bytes,
      text: async () => new TextDecoder().decode(bytes),
    }
  }

  #note(answer: Uint8Array): void {
    const signed = decodePushResponse(answer).receipt
    const receipt = decodeReceipt(parseSign1(signed).payload)
    const id = ulidText(receipt.bundleId)
    const known = this.receipts.get(id) ?? { receipt, signed: new Set() }
    known.signed.add(toHex(signed))
    this.receipts.set(id, known)
  }

  /** Delivers a push again that was delivered before, as a network may. @returns the status */
  async replay(push: Parameters<Fetch>): Promise<number> {
    const { status } = await this.#send(...push)
    return status
  }
}
