import { type CborValue, decodeCbor, encodeCbor, MalformedCbor } from './cbor.ts'
import { type DeviceId, isDeviceId } from './ids.ts'
import { BUNDLE_ID_BYTES, COUNTER_MAX, PAYMENTS_PER_BUNDLE_MAX, POLICY_VERSION_MAX } from './limits.ts'
import { type Country, isCountry } from './policy.ts'
import { bytes, list, map, oneOf, positive, text, uint } from './shape.ts'
import { BUNDLE_STATUSES, type BundleStatus, DECISIONS, type Decision } from './states.ts'

/**
 * What the edge's signature promises about one bundle (docs/protocol.md §6.2): it was admitted, under which policy, and
 * how each payment fared.
 */
export interface Receipt {
  readonly deviceId: DeviceId
  readonly bundleId: Uint8Array
  /** SHA-256 over the sealed bytes. */
  readonly digest: Uint8Array
  readonly seq: number
  readonly receivedAtMs: number
  readonly status: BundleStatus
  readonly firstCounter: number
  readonly lastCounter: number
  /** Payments that were not simply accepted. */
  readonly exceptions: readonly DecisionException[]
  /** Of the policy that was in force. */
  readonly country: Country
  readonly policyVersion: number
}

export interface DecisionException {
  readonly counter: number
  readonly decision: Exclude<Decision, 'accepted'>
  readonly reason?: string
}

export function encodeReceipt(receipt: Receipt): Uint8Array {
  const exceptions = receipt.exceptions.map(({ counter, decision, reason }): CborValue => {
    const fields: CborValue[] = [counter, DECISIONS.indexOf(decision)]
    return reason === undefined ? fields : [...fields, reason]
  })
  return encodeCbor(
    new Map<number, CborValue>([
      [1, receipt.deviceId],
      [2, receipt.bundleId],
      [3, receipt.digest],
      [4, receipt.seq],
      [5, receipt.receivedAtMs],
      [6, BUNDLE_STATUSES.indexOf(receipt.status)],
      [7, [receipt.firstCounter, receipt.lastCounter]],
      [8, exceptions],
      [9, [receipt.country, receipt.policyVersion]],
    ]),
  )
}

/** @throws MalformedCbor */
export function decodeReceipt(encoded: Uint8Array): Receipt {
  const claims = map(decodeCbor(encoded), 'receipt', [1, 2, 3, 4, 5, 6, 7, 8, 9])
  const deviceId = claims.get(1)
  if (!isDeviceId(deviceId)) throw new MalformedCbor('device_id')
  const [first, last] = list(claims.get(7), 'counters', 2, 2)
  const firstCounter = positive(first, 'counter', COUNTER_MAX)
  const lastCounter = positive(last, 'counter', COUNTER_MAX)
  if (lastCounter < firstCounter) throw new MalformedCbor('counters')
  const [country, version] = list(claims.get(9), 'policy', 2, 2)
  if (!isCountry(country)) throw new MalformedCbor('country')
  return {
    deviceId,
    bundleId: bytes(claims.get(2), 'bundle_id', BUNDLE_ID_BYTES),
    digest: bytes(claims.get(3), 'digest', 32),
    seq: positive(claims.get(4), 'seq', COUNTER_MAX),
    receivedAtMs: uint(claims.get(5), 'received_at'),
    status: oneOf(claims.get(6), 'status', BUNDLE_STATUSES),
    firstCounter,
    lastCounter,
    exceptions: list(claims.get(8), 'exceptions', 0, PAYMENTS_PER_BUNDLE_MAX).map(readException),
    country,
    policyVersion: positive(version, 'policy_version', POLICY_VERSION_MAX),
  }
}

function readException(value: CborValue): DecisionException {
  const [counter, decision, reason] = list(value, 'exception', 2, 3)
  const name = oneOf(decision, 'decision', DECISIONS)
  if (name === 'accepted') throw new MalformedCbor('decision')
  return {
    counter: positive(counter, 'counter', COUNTER_MAX),
    decision: name,
    ...(reason !== undefined && { reason: text(reason, 'reason', 64) }),
  }
}

/** The decision that a receipt holds for one of its payments. */
export function decisionFor(receipt: Receipt, counter: number): { decision: Decision; reason?: string } {
  return receipt.exceptions.find((exception) => exception.counter === counter) ?? { decision: 'accepted' }
}
