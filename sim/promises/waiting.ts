import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'
import type { AdmittedDevice } from './admitted.ts'
import { answersKept } from './claims.ts'

/** Longer than this no payment waits for people, and as long after it all who show payments know. */
export const WAIT_MS = 72 * 3_600_000
export const BOUND_MS = 2 * 3_600_000

/** Nothing waits for people any more, once nobody has done anything for as long as a payment may wait. */
export function nothingWaitsForEver(booked: Iterable<BookedPayment>): string[] {
  return [...booked].filter(waits).map(({ localId, status }) => `${localId} is in ${status}, and its time is over`)
}

export const waits = ({ status }: BookedPayment): boolean => status === 'review' || status === 'quarantined'

interface Ended {
  readonly at: number
  readonly seq: number
  readonly choices: readonly (readonly [counter: number, choice: string])[]
}

const REASONS: Readonly<Record<string, string>> = { expire: 'review_expired', revoke: 'device_revoked' }

/**
 * What ends without a vote ends in time and not before, or because its device is revoked; it fails under the reason that says
 * so, and nothing fails under it otherwise. Nothing of a revoked device waits, for people or for its payer; only a claim that had come
 * to its end before the book heard of the revocation has another one.
 */
export function waitingEndsInTime(
  world: World,
  devices: readonly AdmittedDevice[],
  booked: ReadonlyMap<string, BookedPayment>,
): string[] {
  const { edge } = world
  const answers = answersKept(world)
  return devices.flatMap(({ id, bundles }) => {
    const [revoked] = edge.objects.read(id, "SELECT at FROM audit WHERE action = 'device_revoked'")
    const rows = edge.objects.read(id, "SELECT at, seq, choices FROM resolutions WHERE kind = 'review'")
    const ends = new Map<string, string>()
    const wrong: string[] = []
    for (const { at, seq, choices } of rows.map(endedOf)) {
      const receivedAtMs = bundles.find(({ receipt }) => receipt.seq === seq)?.receipt.receivedAtMs ?? 0
      for (const [counter, choice] of choices) {
        const localId = `${id}/${counter}`
        const reason = REASONS[choice]
        if (reason !== undefined) ends.set(localId, reason)
        if (choice === 'expire' && at - receivedAtMs < WAIT_MS) wrong.push(`${localId} expired before its time`)
        if (choice === 'revoke' && revoked === undefined) wrong.push(`${localId} ended with a device that is in use`)
        if (choice === 'approve' && revoked !== undefined && at > Number(revoked['at']))
          wrong.push(`${localId} was approved after its device was revoked`)
      }
    }
    for (const [localId, payment] of booked) {
      if (!localId.startsWith(`${id}/`)) continue
      const reason = Object.values(REASONS).find((one) => one === payment.reason)
      const end = ends.get(localId)
      const isOther = end === 'device_revoked' && hadEnded(payment, answers.has(`${payment.sender} ${localId}`))
      if (reason !== end && !isOther) wrong.push(`${localId} is ${payment.reason}, and ended by ${end}`)
      if (revoked !== undefined && (waits(payment) || payment.status === 'claimed'))
        wrong.push(`${localId} waits in ${payment.status} on a device that is revoked`)
    }
    return wrong
  })
}

/** Without an answer claims end by a mandate, with or without the money for it, by their time, or for want of a wallet. */
const WITHOUT_ANSWER = ['mandated', 'insufficient_funds', 'wallet_frozen', 'payer_did_not_confirm', 'unknown_wallet']
const hadEnded = ({ status, reason }: BookedPayment, isAnswered: boolean) =>
  status !== 'claimed' && (isAnswered || WITHOUT_ANSWER.includes(reason ?? ''))

const endedOf = ({ at, seq, choices }: Readonly<Record<string, unknown>>): Ended => ({
  at: Number(at),
  seq: Number(seq),
  choices: JSON.parse(String(choices)) as Ended['choices'],
})
