import { memoryStorage, OfflineSDK } from '../../src/device/sdk/index.ts'
import type { PayerPhone } from './payer.ts'

/** Every so many claims their payer says no to. */
const REFUSED_EVERY = 9

/** Customers who are asked in the evening about what a till took without their word. */
export class Holders {
  readonly #apiUrl: string
  readonly #phones: ReadonlyMap<string, PayerPhone>
  readonly #sdks = new Map<string, OfflineSDK>()
  #answered = 0

  constructor(apiUrl: string, phones: ReadonlyMap<string, PayerPhone>) {
    this.#apiUrl = apiUrl
    this.#phones = phones
  }

  /** The holder of this wallet looks at the phone, and answers what it asks. */
  async answer(wallet: string): Promise<void> {
    const sdk = await this.#sdkOf(wallet)
    if (sdk === undefined) return
    await sdk.syncNow()
    for (const { localId } of sdk.claims()) {
      await sdk.answerClaim(localId, ++this.#answered % REFUSED_EVERY === 0 ? 'refuse' : 'confirm')
    }
  }

  async #sdkOf(wallet: string): Promise<OfflineSDK | undefined> {
    const phone = this.#phones.get(wallet)
    if (phone === undefined) return undefined
    const known = this.#sdks.get(wallet)
    if (known !== undefined) return known
    const sdk = new OfflineSDK({
      apiUrl: this.#apiUrl,
      deviceId: phone.deviceId,
      storage: memoryStorage(),
      atRest: 'none',
      keyStore: { load: async () => ({ status: 'ready', signer: phone.signer }) },
    })
    this.#sdks.set(wallet, sdk)
    await sdk.initialize()
    return sdk
  }
}
