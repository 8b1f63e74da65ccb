/** What the page under measurement is told, and what it tells. */
export interface PageTimes {
  /** From the call until the payment is journalled, of each. */
  readonly takenMs: readonly number[]
  /** Seals what waits, journals the bundle, signs it. */
  readonly sealedMs: number
  /** Signs the same bundle again. */
  readonly signedMs: number
}

export interface Invitation {
  readonly apiUrl: string
  readonly deviceId: string
  readonly code: string
}

/** Makes this browser a device, and takes over the edge's keys and policy. @returns what measures it */
export type Prepare = (invitation: Invitation, payments: number) => Promise<() => Promise<PageTimes>>
