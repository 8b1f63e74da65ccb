import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import {
  OfflineError,
  type OfflinePayment,
  OfflineSDK,
  type PaymentTerms,
  type Storage,
  scalarKeyStore,
} from '../../src/device/sdk/index.ts'
import { encodePaymentAnswer } from '../../src/protocol/payment-request.ts'
import type { MarketDevice, MarketPayment } from '../market-day.ts'
import type { AgentPhone } from './agent.ts'
import { deviceNetwork } from './network.ts'
import { asksForPhone, mayBeClaimed, type PayerPhone } from './payer.ts'

/** Limit of the default policy: above it a payment carries an agent's approval. */
const AGENT_APPROVAL_ABOVE = 50_000

/** Every so many customers have not brought their phone: what is small they are asked about later. */
const NO_PHONE_EVERY = 8

/**
 * Seconds that a payment takes people. The device's clock runs ahead by as much with each one, so that a day's payments
 * do not all carry the same second; the next sync puts the clock right again.
 */
const SECONDS_PER_PAYMENT = 8

/** One device of the market: takes its payments with the SDK, over a network that comes and goes. */
export class FleetDevice {
  readonly sdk: OfflineSDK
  readonly network: ReturnType<typeof deviceNetwork>
  readonly #plan: MarketDevice
  readonly #phoneOf: (wallet: string) => PayerPhone | undefined
  readonly #agent: AgentPhone
  #next = 0
  #aheadMs = 0
  /** Payments that people wanted to make: taken or declined. */
  asked = 0
  /** Payments that the rules did not let the device take, by reason: nobody was told that they were paid. */
  readonly declined = new Map<string, number>()
  /** What people were told is paid: the number that must not be lost. */
  readonly taken = new Set<string>()

  constructor(
    options: {
      readonly apiUrl: string
      readonly deviceId: string
      readonly privateKey: Uint8Array
      readonly storage: Storage
      readonly random: () => number
      readonly phoneOf: (wallet: string) => PayerPhone | undefined
      /** Approves what is large. */
      readonly agent: AgentPhone
    },
    plan: MarketDevice,
  ) {
    this.#plan = plan
    this.#phoneOf = options.phoneOf
    this.#agent = options.agent
    this.network = deviceNetwork(options.random)
    this.sdk = new OfflineSDK({
      apiUrl: options.apiUrl,
      deviceId: options.deviceId,
      storage: options.storage,
      atRest: 'none',
      keyStore: scalarKeyStore(webCryptoSuite, options.privateKey),
      suite: webCryptoSuite,
      fetch: this.network.fetch,
      clock: {
        nowMs: () => Date.now() + this.#aheadMs,
        monotonicMs: () => performance.now() + this.#aheadMs,
      },
    })
  }

  /** Takes payments until this share of the day's is done, without asking for a network. */
  async takeUntil(share: number): Promise<void> {
    const { payments } = this.#plan
    for (const until = Math.round(payments.length * share); this.#next < until; this.#next++) {
      const payment = payments[this.#next]
      if (payment) await this.#take(payment)
    }
  }

  /** Payments without a final outcome, apart from those that wait for a person. */
  get unsettled(): readonly OfflinePayment[] {
    return this.sdk.getPendingTransactions().filter(({ status }) => status !== 'review' && status !== 'quarantined')
  }

  async #approved(terms: PaymentTerms) {
    const request = this.sdk.approvalRequest(terms)
    return { request, approval: await this.#agent.approve(request, this.sdk.nowMs) }
  }

  /** As at a counter: the till shows a request, the phone shows its answer. */
  async #takeSigned({ sender: _, ...asked }: PaymentTerms, phone: PayerPhone, proof: Pick<PaymentTerms, 'approval'>) {
    const { request } = await this.sdk.createRequest(asked)
    const answer = await phone.answer(request, this.sdk.nowMs)
    return this.sdk.acceptAuthorization(encodePaymentAnswer(answer), proof)
  }

  async #take(payment: MarketPayment): Promise<void> {
    const { type, amountMinor, sender, receiver } = payment
    this.asked++
    this.#aheadMs += SECONDS_PER_PAYMENT * 1000
    const terms: PaymentTerms = { type, amount: amountMinor, currency: 'XOF', sender, receiver }
    const isAtHand = !mayBeClaimed(payment, this.#plan.ownerWallet) || this.asked % NO_PHONE_EVERY !== 0
    const isAsked = isAtHand && asksForPhone(payment, this.#plan)
    const phone = isAsked ? this.#phoneOf(sender) : undefined
    try {
      const proof = amountMinor > AGENT_APPROVAL_ABOVE ? { approval: await this.#approved(terms) } : {}
      const { localId } = await (phone === undefined
        ? this.sdk.createOfflineTransaction({ ...terms, ...proof })
        : this.#takeSigned(terms, phone, proof))
      this.taken.add(localId)
    } catch (error) {
      if (!(error instanceof OfflineError) || error.money !== 'not_taken') throw error
      const reason = error.reason ?? error.code
      this.declined.set(reason, (this.declined.get(reason) ?? 0) + 1)
    }
  }
}
