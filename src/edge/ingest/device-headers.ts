import { isDeviceId } from '../../protocol/ids.ts'
import { err, ok, type Result } from '../../protocol/result.ts'
import type { Refusal } from './refusal.ts'

/** What a device says it has (docs/protocol.md §6.1), so that it is told only the rest. */
export interface DeviceState {
  /** Undefined for a device that starts without any state. */
  readonly cursor: number | undefined
  readonly policyVersion: number
  readonly keysVersion: number
  /** Up to which it knows of passes that must not be believed. */
  readonly deniedVersion: number
  /** The device that carries another one's bundle, as it says itself. */
  readonly carrier: string | undefined
  /** It asks for a payer's pass (docs/protocol.md §5.5). */
  readonly wantsPass: boolean
}

export function readDeviceHeaders(headers: Headers): Result<DeviceState, Refusal> {
  const cursor = readNumber(headers, 'molam-cursor')
  const policyVersion = readNumber(headers, 'molam-policy-version')
  const keysVersion = readNumber(headers, 'molam-keys-version')
  const deniedVersion = readNumber(headers, 'molam-denied-version')
  if (cursor === null || policyVersion === null || keysVersion === null || deniedVersion === null) {
    return err({ code: 'invalid_request', detail: 'Molam-Cursor, -Policy-, -Keys- and -Denied-Version are numbers' })
  }
  const carrier = headers.get('molam-carrier') ?? undefined
  if (carrier !== undefined && !isDeviceId(carrier)) {
    return err({ code: 'invalid_request', detail: 'Molam-Carrier is a device id' })
  }
  const pass = readNumber(headers, 'molam-pass')
  if (pass === null || (pass ?? 0) > 1) return err({ code: 'invalid_request', detail: 'Molam-Pass is 0 or 1' })
  return ok({
    carrier,
    cursor,
    wantsPass: pass === 1,
    policyVersion: policyVersion ?? 0,
    keysVersion: keysVersion ?? 0,
    deniedVersion: deniedVersion ?? 0,
  })
}

/** @returns undefined when it is absent, null when it is not a number */
function readNumber(headers: Headers, name: string): number | undefined | null {
  const value = headers.get(name)
  if (value === null) return undefined
  return /^(0|[1-9]\d{0,14})$/.test(value) ? Number(value) : null
}
