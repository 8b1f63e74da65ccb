import type { MandateTerms } from '../../../device/sdk/index.ts'

/**
 * The mandate that was last given from this phone. No notice says which one is in force, and another phone of the wallet may have given a
 * later one: it is shown as what it is, and nothing is decided by it.
 */
export interface Given extends MandateTerms {
  readonly atMs: number
}

const keyOf = (deviceId: string): string => `molam-wallet-mandate/${deviceId}`

export function rememberGiven(deviceId: string, given: Given): void {
  try {
    localStorage.setItem(keyOf(deviceId), JSON.stringify(given))
  } catch {
    // A full or forbidden storage: it is not shown the next time.
  }
}

/** @returns undefined where none is known */
export function lastGiven(deviceId: string): Given | undefined {
  try {
    const { paymentMax, dayMax, untilMs, atMs } = JSON.parse(localStorage.getItem(keyOf(deviceId)) ?? '{}')
    const given = { paymentMax, dayMax, untilMs, atMs }
    return Object.values(given).every(Number.isSafeInteger) ? given : undefined
  } catch {
    return undefined
  }
}

/** Goes with the device. */
export function forgetGiven(deviceId: string): void {
  try {
    localStorage.removeItem(keyOf(deviceId))
  } catch {
    // A forbidden storage has nothing in it.
  }
}
