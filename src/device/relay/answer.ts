import type { Bundle } from '../../protocol/bundle.ts'
import { equalBytes } from '../../protocol/bytes.ts'
import { parseSign1 } from '../../protocol/cose.ts'
import { decodePushResponse } from '../../protocol/notice.ts'
import { parse } from '../../protocol/parse.ts'
import { PROBLEMS, type ProblemCode } from '../../protocol/problems.ts'
import { decodeReceipt } from '../../protocol/receipt.ts'
import type { Answer } from '../sdk/sync/transport.ts'

/** What an answer means for a bundle that is carried. */
export type CarriedAnswer =
  | { readonly kind: 'delivered'; readonly receipt: Uint8Array }
  | { readonly kind: 'refused'; readonly code: ProblemCode }
  /** Nothing is settled: it is pushed again. */
  | { readonly kind: 'later'; readonly reached: boolean; readonly retryAfterMs?: number }

export async function readAnswer(
  answer: Answer,
  bundle: Bundle,
  sha256: (data: Uint8Array) => Promise<Uint8Array>,
): Promise<CarriedAnswer> {
  switch (answer.kind) {
    case 'unknown':
      return { kind: 'later', reached: false, ...waitOf(answer) }
    case 'ok': {
      const receipt = receiptFor(bundle, await sha256(bundle.payload), answer.body)
      return receipt === undefined ? { kind: 'later', reached: false } : { kind: 'delivered', receipt }
    }
    case 'problem':
      return isFinal(answer, bundle) ? { kind: 'refused', code: answer.code } : laterOf(answer)
  }
}

const waitOf = ({ retryAfterMs }: { retryAfterMs?: number }) => (retryAfterMs === undefined ? {} : { retryAfterMs })

const laterOf = (answer: { retryAfterMs?: number }): CarriedAnswer => ({
  kind: 'later',
  reached: true,
  ...waitOf(answer),
})

/** A carrier cannot sign or seal anew, so what asks for that is as final as `stop`. */
function isFinal({ code, serverTimeMs }: Extract<Answer, { kind: 'problem' }>, { claims }: Bundle): boolean {
  if (PROBLEMS[code].next === 'retry') return false
  // The device's clock is ahead: the edge takes the bundle once the time that it was signed at has come.
  const isEarly = code === 'clock_skew' && serverTimeMs !== undefined && claims.signedAtMs > serverTimeMs
  return !isEarly
}

/**
 * The receipt in an answer, when it names this very bundle. Its signature is left to the device that took the payments:
 * it believes no carrier, and a wrong receipt costs nothing but this trip.
 */
function receiptFor({ claims }: Bundle, digest: Uint8Array, answer: Uint8Array): Uint8Array | undefined {
  const read = parse(() => {
    const signed = decodePushResponse(answer).receipt
    return { signed, receipt: decodeReceipt(parseSign1(signed).payload) }
  })
  if (!read.ok) return undefined
  const { signed, receipt } = read.value
  const isOurs =
    receipt.deviceId === claims.deviceId &&
    receipt.seq === claims.seq &&
    equalBytes(receipt.bundleId, claims.bundleId) &&
    equalBytes(receipt.digest, digest)
  return isOurs ? signed : undefined
}
