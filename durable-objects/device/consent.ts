import type { Consent, KeptConsent } from '../../src/protocol/consent.ts'
import type { DeviceStatus } from '../../src/protocol/messages.ts'
import { DAY_MS } from '../../src/protocol/time.ts'

/** Consent that a device debits its owner's wallet, as its object keeps it (people/consenting.ts). */
export interface HeldConsent extends KeptConsent, Pick<Consent, 'askedBy' | 'confirmedBy'> {
  /** As the edge signed it (src/crypto/consent.ts). */
  readonly signed: Uint8Array
  readonly withdrawnBy: string | null
}

export interface ConsentRequest {
  /** ULID text: what the second person names. */
  readonly id: string
  /** Hex, of the key that is asked for. */
  readonly kid: string
  readonly askedBy: string
  readonly askedAtMs: number
  readonly untilMs: number
}

/** How long a request waits for another person: who confirms later does not know any more what was asked. */
export const REQUEST_MS = 7 * DAY_MS

/** Whether another person may confirm it. @param kid hex, of the key that the device has */
export const requestStands = (request: ConsentRequest, status: DeviceStatus, kid: string, nowMs: number): boolean =>
  status !== 'revoked' && request.kid === kid && nowMs <= request.askedAtMs + REQUEST_MS && nowMs < request.untilMs
