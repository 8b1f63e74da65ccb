/** A payment as the book has it. */
export interface BookedPayment {
  /** `<device_id>/<counter>` */
  readonly localId: string
  readonly status: string
  readonly reason: string | null
  /** Minor units. */
  readonly amount: number
  readonly sender: string
  readonly receiver: string
  readonly transferId: string | null
}

/** A device as the registry has it. */
export interface BookedDevice {
  readonly id: string
  readonly status: string
  /** Of the key that it has, hex. */
  readonly kid: string
  readonly rev: number
}

/** What is held for a phone, as the book has it; minor units. */
export interface BookedAllowance {
  readonly phoneId: string
  readonly no: number
  readonly ceiling: number
  readonly consumed: number
  readonly returned: number
  readonly held: number
  readonly state: string
  /** What the phone said that it had signed, as it closed. */
  readonly statedN: number | null
  readonly statedSpent: number | null
  /** It has signed what cannot all be true. */
  readonly isConvicted: boolean
}

/** A payment that was signed under an allowance, with what the phone counted. */
export interface BookedSpending {
  readonly localId: string
  readonly phoneId: string
  readonly no: number
  readonly n: number
  readonly spent: number
  readonly amount: number
  /** What the allowance gave. */
  readonly covered: number
}

/** What the promises ask of a book, whether it is SQL or the model. */
export interface BookView {
  payments(): Promise<readonly BookedPayment[]>
  /** `device/bundle` of every bundle that it holds. */
  bundles(): Promise<ReadonlySet<string>>
  devices(): Promise<readonly BookedDevice[]>
  allowances(): Promise<readonly BookedAllowance[]>
  spending(): Promise<readonly BookedSpending[]>
  /** No money leaves or reaches the wallet, or it does again. */
  freeze(wallet: string, isFrozen: boolean): void
  /** Nothing is posted from now on, or it is again. */
  halt(isHalted: boolean): Promise<void>
  /** How many there are. */
  transfers(): Promise<number>
  /** An operator lets go on what is parked only because the database had failed too often. */
  release(): Promise<void>
  /** Wallet → minor units. */
  balances(): Promise<ReadonlyMap<string, number>>
  /** What does not add up after a transaction: sentences. Cheap. */
  brokenNow(): readonly string[]
  /** What does not add up at quiet: sentences. */
  brokenAtQuiet(): Promise<readonly string[]>
  /** What waits: inbox, outbox, resolutions. All zero at quiet, but for what waits for a person. */
  underWay(): Promise<readonly string[]>
}

/** A reconciler of the simulated world. */
export interface SimReconciler {
  readonly name: string
  readonly isAlive: boolean
  start(): void
  /** Dies at once: nothing that it does later has an effect. */
  kill(): void
}
