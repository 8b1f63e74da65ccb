import type { DeviceRegistration } from '../../../durable-objects/device/device.ts'
import type { DeviceId } from '../../protocol/ids.ts'
import type { DeviceKey } from '../../protocol/messages.ts'
import type { Policy } from '../../protocol/policy.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import type { Refusal } from '../ingest/refusal.ts'
import type { EnrolmentCode } from './code.ts'

/**
 * Whether a code that was typed in lets a POS register, and as what. Pure. Until all of it holds there is one refusal,
 * whatever does not: nobody learns which devices are expected. Nothing is written before, and a code has 80 bits, so there
 * is no counter of attempts that a stranger could use up.
 */
const INVALID = err({ code: 'enrolment_code_invalid' } as const satisfies Refusal)

/** What a POS says, before anything is verified. */
export interface Claim {
  readonly code: string
  readonly deviceId: DeviceId
}

/**
 * @param code undefined when what was typed can be no code
 * @param deviceId undefined when there is no proof to read it from
 */
export function claimOf(code: string | undefined, deviceId: DeviceId | undefined): Result<Claim, Refusal> {
  return code === undefined || deviceId === undefined ? INVALID : ok({ code, deviceId })
}

/** @param latest the code of the device that was made last; whether it was used the Device Object knows */
export function validCode(
  latest: EnrolmentCode | undefined,
  hash: string,
  nowMs: number,
): Result<EnrolmentCode, Refusal> {
  return latest === undefined || latest.codeHash !== hash || latest.expiresAtMs <= nowMs ? INVALID : ok(latest)
}

/** What belongs to a code and is read beside it. */
export interface Circumstances {
  readonly ownerWallet: string
  readonly policy: Policy
}

/**
 * @param ownerWallet undefined when the code does not open it
 * @param policy the one in force in the code's country; undefined when D1 cannot be read
 */
export function circumstances(
  ownerWallet: string | undefined,
  policy: Policy | undefined,
): Result<Circumstances, Refusal> {
  if (ownerWallet === undefined || policy === undefined) return err({ code: 'temporarily_unavailable', retryAfterS: 5 })
  return ok({ ownerWallet, policy })
}

/** A key whose holder made the request, as it counts here. */
export type EnrolledKey = DeviceKey & { readonly isNow: boolean }

/** The facts that a POS is registered with: what the code says it is, and the key that it proved just now. */
export function registrationOf(
  { deviceId, country, tenant }: Pick<EnrolmentCode, 'country' | 'tenant'> & { readonly deviceId: DeviceId },
  { ownerWallet, policy }: Circumstances,
  { isNow, ...key }: EnrolledKey,
  nowMs: number,
): Result<DeviceRegistration, Refusal> {
  // Told only to who holds the key, so that a device whose battery was flat can make its proof again.
  if (!isNow) return err({ code: 'clock_skew', serverTimeMs: nowMs })
  return ok({ deviceId, country, tenant, ownerWallet, policy, ...key })
}
