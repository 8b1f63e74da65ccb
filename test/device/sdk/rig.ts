import type { CryptoSuite, PublicKey, Signer } from '../../../src/crypto/suite.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import {
  type AgentApproval,
  type AtRestCipher,
  type KeyStore,
  OfflineSDK,
  type PaymentTerms,
  type Storage,
  scalarKeyStore,
  type UserPresence,
} from '../../../src/device/sdk/index.ts'
import { nobleAtRest } from '../../../src/device/sdk/noble.ts'
import type { OfflineSDKOptions } from '../../../src/device/sdk/options.ts'
import { decodeApprovalRequest } from '../../../src/protocol/approval.ts'
import type { Claim } from '../../../src/protocol/claims.ts'
import { deviceId } from '../../../src/protocol/ids.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { unverifiedApproval } from '../../kit/approval.ts'
import { API, DEVICE, OWNER, random, TestEdge } from './edge.ts'

/** A device, its storage, its clocks and its edge. Restarting the device makes a new SDK over what is stored. */
export class Rig {
  #time = { ms: Date.UTC(2026, 10, 22, 9) }
  wallOffsetMs = 0
  readonly timers = new ManualTimers()
  readonly storage = new FaultyStorage()
  edge!: TestEdge
  keyStore!: KeyStore
  /** The device's public key. */
  key!: PublicKey
  /** Given to each SDK of this rig. */
  atRest: AtRestCipher | undefined
  id = DEVICE
  /** Makes it a payer's phone. */
  userPresence: UserPresence | undefined

  /** The true time; the device's wall clock is off by `wallOffsetMs`. */
  get timeMs(): number {
    return this.#time.ms
  }

  set timeMs(ms: number) {
    this.#time.ms = ms
  }

  static async create(over: { readonly atRest?: AtRestCipher | undefined } = {}): Promise<Rig> {
    const rig = new Rig()
    rig.atRest = over.atRest
    const scalar = random(32)
    rig.keyStore = scalarKeyStore(webCryptoSuite, scalar)
    rig.key = (await webCryptoSuite.es256Signer(scalar)).key
    rig.edge = await TestEdge.create(() => rig.timeMs, rig.key)
    return rig
  }

  /** A customer's phone beside this till, with a pass as soon as it has been in contact with the same edge. Its time is this till's. */
  async phone(id = 'PHONE-1', wallet = '+221770000001'): Promise<Rig> {
    const phone = new Rig()
    phone.#time = this.#time
    const scalar = random(32)
    phone.id = deviceId(id)
    phone.keyStore = scalarKeyStore(webCryptoSuite, scalar)
    phone.key = (await webCryptoSuite.es256Signer(scalar)).key
    phone.edge = this.edge.for(phone.key, phone.id, wallet)
    phone.userPresence = async () => true
    return phone
  }

  /** What signs with the device's key. */
  async signer(): Promise<Signer> {
    const key = await this.keyStore.load()
    if (key.status !== 'ready') throw new Error('no key')
    return key.signer
  }

  /** A new process: the monotonic clock starts again. */
  sdk(over: Partial<OfflineSDKOptions> & { suite?: CryptoSuite } = {}): OfflineSDK {
    const bootedAtMs = this.timeMs
    return new OfflineSDK({
      apiUrl: API,
      deviceId: this.id,
      storage: this.storage,
      keyStore: this.keyStore,
      suite: webCryptoSuite,
      fetch: this.edge.fetch,
      randomBytes: random,
      timers: this.timers,
      atRest: this.atRest ?? 'none',
      ...(this.userPresence && { userPresence: this.userPresence }),
      clock: {
        nowMs: () => this.timeMs + this.wallOffsetMs,
        monotonicMs: () => this.timeMs - bootedAtMs,
      },
      ...over,
    })
  }

  /** A new process that has read its storage. */
  async started(over: Partial<OfflineSDKOptions> = {}): Promise<OfflineSDK> {
    const sdk = this.sdk(over)
    await sdk.initialize()
    return sdk
  }

  /** The text stored under a key of the device. */
  stored(key: string): string | undefined {
    return this.storage.items.get(`molam/${this.id}/${key}`)
  }

  put(key: string, value: string): void {
    this.storage.items.set(`molam/${this.id}/${key}`, value)
  }
}

/** Storages plain and encrypted: what holds for one holds for the other. */
export const AT_REST = [
  ['plain', undefined],
  ['encrypted', nobleAtRest(random(32), random)],
] as const

/** A payment that the default policy accepts. */
export function terms(over: Partial<PaymentTerms> = {}): PaymentTerms {
  return { type: 'merchant', amount: 2500, currency: 'XOF', sender: '+221770000001', receiver: OWNER, ...over }
}

/** What another's device claims from the owner's wallet, open for an hour. */
export function claimAt(atMs: number, counter: number, over: Partial<Claim> = {}): Claim {
  return {
    takerId: deviceId('POS-9'),
    counter,
    contentHash: random(32),
    type: 'merchant',
    amount: amountMinor(2500),
    currency: currency('XOF'),
    receiver: 'shop-9',
    initiatedAtMs: atMs,
    openUntilMs: atMs + 3_600_000,
    ...over,
  }
}

/** Timers that fire when the test says so. */
class ManualTimers {
  readonly pending = new Map<number, { run: () => void; delayMs: number }>()
  #next = 1

  set(run: () => void, delayMs: number): number {
    this.pending.set(this.#next, { run, delayMs })
    return this.#next++
  }

  clear(timer: unknown): void {
    this.pending.delete(timer as number)
  }

  get delaysMs(): readonly number[] {
    return [...this.pending.values()].map(({ delayMs }) => delayMs)
  }

  fire(): void {
    const due = [...this.pending.values()]
    this.pending.clear()
    for (const { run } of due) run()
  }

  /** Those that were set for this long. */
  fireOnly(delayMs: number): void {
    for (const [timer, { run, delayMs: own }] of this.pending) {
      if (own !== delayMs) continue
      this.pending.delete(timer)
      run()
    }
  }
}

/**
 * How one storage call fails. The first three end the process: every later call fails too. After the others the process
 * goes on. `before`: not carried out; `after`: carried out, and the caller hears an error; `torn`: half of it is.
 */
export const FAULTS = ['dies before', 'dies after', 'dies torn', 'fails before', 'fails after', 'fails torn'] as const
export type StorageFault = (typeof FAULTS)[number]

class FaultyStorage implements Storage {
  readonly items = new Map<string, string>()
  readonly removed: string[] = []
  calls = 0
  #faultAt: number | undefined
  #fault: StorageFault = 'dies before'
  #dead = false

  /** The k-th call from now on fails. */
  arm(k: number, fault: StorageFault): void {
    this.#faultAt = this.calls + k
    this.#fault = fault
  }

  /** The machine is switched on again. @returns whether the fault happened */
  revive(): boolean {
    const happened = this.#faultAt !== undefined && this.calls >= this.#faultAt
    this.#dead = false
    this.#faultAt = undefined
    return happened
  }

  get dead(): boolean {
    return this.#dead
  }

  async getItem(key: string): Promise<string | null> {
    return this.#call(
      () => this.items.get(key) ?? null,
      () => undefined,
    )
  }

  async setItem(key: string, value: string): Promise<void> {
    await this.#call(
      () => void this.items.set(key, value),
      () => void this.items.set(key, value.slice(0, Math.floor(value.length / 2))),
    )
  }

  async removeItem(key: string): Promise<void> {
    await this.#call(
      () => {
        this.items.delete(key)
        this.removed.push(key)
      },
      () => undefined,
    )
  }

  async #call<T>(carryOut: () => T, tear: () => void): Promise<T> {
    // A real store answers later; what runs concurrently gets its turn here.
    await Promise.resolve()
    this.calls++
    if (this.#dead) throw new Error('the process has ended')
    if (this.calls !== this.#faultAt) return carryOut()
    const [kind, how] = this.#fault.split(' ')
    this.#dead = kind === 'dies'
    if (how === 'after') carryOut()
    if (how === 'torn') tear()
    throw new Error('QuotaExceededError')
  }
}

/** What an agent whom this edge does not know has signed for it. */
export function approvedAt(sdk: OfflineSDK, asked: PaymentTerms, signedAtMs: number): AgentApproval {
  const request = sdk.approvalRequest(asked)
  return { request, approval: unverifiedApproval(signedAtMs, decodeApprovalRequest(request).requestId) }
}
