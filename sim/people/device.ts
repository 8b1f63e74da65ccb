import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { OfflineSDK, type PaymentTerms, scalarKeyStore } from '../../src/device/sdk/index.ts'
import type { Country } from '../../src/protocol/policy.ts'
import type { Coverage } from '../states/coverage.ts'
import type { Random } from '../time/random.ts'
import type { Scheduler } from '../time/scheduler.ts'
import { Life } from './life.ts'
import type { Network } from './network.ts'

/** What a person was told of a payment, kept outside the device. */
export interface Told {
  readonly terms: Pick<PaymentTerms, 'amount' | 'currency' | 'sender' | 'receiver'>
  /** A person took it back on the device, and was told so. */
  isVoided: boolean
  /** Somebody tried, and was not told whether it holds. */
  mayBeVoided: boolean
  /** It stood only in a storage that was lost or set back since, and no receipt had come: nobody can have it. */
  isGone: boolean
  /** Its storage was lost or set back since, so that its device need not show it. */
  mayBeForgotten: boolean
  /** Its device had lost its storage and had no contact since: its number may be that of another payment. */
  isDoubtful: boolean
}

export interface DeviceFacts {
  readonly apiUrl: string
  readonly id: string
  readonly wallet: string
  readonly country: Country
  readonly privateKey: Uint8Array
}

/**
 * A device with the real SDK: a storage that dies with the process in the middle of a write, a clock that people set, a
 * network that comes and goes.
 */
export class SimDevice {
  readonly facts: DeviceFacts
  readonly network: Network
  /** Local id → what people were told. */
  readonly told = new Map<string, Told>()
  /** Why payments were not taken, by reason. */
  readonly declined = new Map<string, number>()
  disk = new Map<string, string>()
  /** What its clock is off by, milliseconds. */
  skewMs = 0
  /** When its storage was set back, lost or copied the last time: until its next contact its numbers may be used already. */
  setBackAtMs: number | undefined
  /**
   * Its storage was lost when the edge had no bundle of it yet: it begins as a new device does, and cannot know that a carrier
   * may have its first bundle (decision D-127).
   */
  beganAnew = false
  /** The office has put it out of use for good. */
  isRevoked = false
  /** It was replaced by another with a key of its own, which nobody has heard to be enrolled. */
  isReplaced = false
  life: Life
  sdk: OfflineSDK
  privateKey: Uint8Array
  readonly #scheduler: Scheduler
  readonly #random: Random
  readonly #coverage: Coverage
  #boots = 0

  constructor(scheduler: Scheduler, random: Random, facts: DeviceFacts, network: Network, coverage: Coverage) {
    this.#scheduler = scheduler
    this.#random = random
    this.facts = facts
    this.network = network
    this.privateKey = facts.privateKey
    this.#coverage = coverage
    ;[this.life, this.sdk] = this.#boot()
  }

  get id(): string {
    return this.facts.id
  }

  /** The process ends, if it has not, and another one begins over what is on the disk. */
  async restart(): Promise<void> {
    this.life.end()
    ;[this.life, this.sdk] = this.#boot()
    await this.sdk.initialize()
  }

  /** Whether it was set back and has had no contact since, so that it cannot know which numbers are used. */
  get isDoubtful(): boolean {
    return this.setBackAtMs !== undefined && (this.sdk.state.lastSyncMs ?? 0) <= this.setBackAtMs
  }

  /** A person was told that this payment is paid. */
  note(localId: string, terms: Told['terms'], isDoubtful: boolean): void {
    // Two payments have one number, and one of them may still be under way: which of them it names is not known before.
    const isShared = this.told.has(localId)
    this.told.set(localId, {
      ...{ terms, isVoided: false, mayBeVoided: false, isGone: false, mayBeForgotten: false },
      isDoubtful: isDoubtful || isShared,
    })
  }

  /**
   * It was set back and has gone on from an older place in its history, so that the edge refuses what it makes: what it took
   * stays on it until people look.
   */
  get isInConflict(): boolean {
    const { state } = this.sdk
    const isStopped = state.status === 'blocked' && state.error.code === 'chain_conflict'
    return this.setBackAtMs !== undefined && (isStopped || state.parked?.code === 'chain_conflict')
  }

  /** Somebody has a copy of it: its numbers stay doubtful, whatever it hears. */
  copied(): void {
    this.setBackAtMs = Number.POSITIVE_INFINITY
  }

  get isCopied(): boolean {
    return this.setBackAtMs === Number.POSITIVE_INFINITY
  }

  decline(reason: string): void {
    this.declined.set(reason, (this.declined.get(reason) ?? 0) + 1)
  }

  #boot(): [Life, OfflineSDK] {
    const life = new Life(this.#scheduler, this.#random.stream(`life ${++this.#boots}`), this.disk)
    const chance = this.#random.stream(`boot ${this.#boots}`)
    const bootMs = this.#scheduler.nowMs
    const boot = String(nameOf(life))
    const sdk = new OfflineSDK({
      apiUrl: this.facts.apiUrl,
      deviceId: this.facts.id,
      storage: life.storage(),
      atRest: 'none',
      keyStore: scalarKeyStore(webCryptoSuite, this.privateKey),
      suite: webCryptoSuite,
      fetch: life.network(this.network.fetch),
      clock: {
        nowMs: () => this.#scheduler.nowMs + this.skewMs,
        monotonicMs: () => this.#scheduler.nowMs - bootMs,
      },
      randomBytes: (length) => chance.bytes(length),
      timers: life.timers(),
      behavior: 'force_offline',
    })
    sdk.on(
      'payment',
      ({ localId, status }) =>
        life.isOver || this.#coverage.is('payment on its device', `${localId} ${nameOf(life.disk)}`, status),
    )
    sdk.on('state', ({ status }) => life.isOver || this.#coverage.is('SDK', boot, status))
    return [life, sdk]
  }
}

const names = new WeakMap<object, number>()
let named = 0

/** Tells processes apart, and a disk from the one that it was set back to: each has a story of its own. */
function nameOf(one: object): number {
  const name = names.get(one) ?? ++named
  names.set(one, name)
  return name
}
