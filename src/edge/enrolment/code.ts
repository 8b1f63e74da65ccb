import type { MacFields } from '../../crypto/mac.ts'
import { toBase64url } from '../../protocol/bytes.ts'
import type { DeviceStatus } from '../../protocol/messages.ts'
import type { Country } from '../../protocol/policy.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import { HOUR_MS } from '../../protocol/time.ts'
import type { Refusal } from '../ingest/refusal.ts'

/** One-time codes: what a POS that knows the code may register as. */
export interface EnrolmentCode {
  readonly id: string
  readonly deviceId: string
  readonly codeHash: string
  readonly country: Country
  readonly tenant: string
  readonly sealedWallet: Uint8Array
  readonly createdAtMs: number
  readonly expiresAtMs: number
  readonly createdBy: string
}

/** Everything that is believed of a code. */
export const codeFields = (code: EnrolmentCode): MacFields => [
  ...[code.id, code.deviceId, code.codeHash, code.country, code.tenant, toBase64url(code.sealedWallet)],
  ...[code.createdAtMs, code.expiresAtMs, code.createdBy],
]

export interface AskedCode {
  readonly country: Country
  readonly tenant: string
  readonly ownerWallet: string
}

/** What is known of the device that a code is asked for. */
export interface KnownOfDevice {
  /** Undefined when it is not registered. */
  readonly registered: (AskedCode & { readonly status: DeviceStatus }) | undefined
  /** The code that was made for it last. */
  readonly latest: Pick<EnrolmentCode, 'tenant' | 'expiresAtMs'> | undefined
}

/**
 * Whether a code may be made: not for a device that is somebody else's, or is to be. A registered device may be enrolled
 * again as what it is, since a POS can lose its state; a revoked one never.
 */
export function mayHaveCode(
  asked: AskedCode,
  { registered, latest }: KnownOfDevice,
  nowMs: number,
): Result<true, Refusal> {
  const isTaken =
    registered === undefined
      ? latest !== undefined && latest.expiresAtMs > nowMs && latest.tenant !== asked.tenant
      : !isSame(registered, asked) || registered.status === 'revoked'
  return isTaken ? err({ code: 'device_exists' }) : ok(true)
}

const isSame = (one: AskedCode, other: AskedCode): boolean =>
  one.country === other.country && one.tenant === other.tenant && one.ownerWallet === other.ownerWallet

/** @param validHours from now on */
export const expiryOf = (validHours: number, nowMs: number): number => nowMs + validHours * HOUR_MS

/** What the owner's wallet is sealed for: this code, this device. */
export const walletAad = (codeId: string, deviceId: string): string => `${codeId}|${deviceId}`
