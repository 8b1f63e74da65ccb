import { isPayment } from '../../src/protocol/payment.ts'
import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'
import { type AdmittedDevice, firstEntries } from './admitted.ts'

const HOUR_MS = 3_600_000
const OPEN_HOURS = 72
/** How long after its time a claim may still stand open, at quiet. */
const LATE_MS = HOUR_MS

interface Answer {
  readonly taker_id: string
  readonly counter: number
  readonly choice: string
}

/**
 * What came of each claim is what its payer said first, as the payer's own object has it: yes and it is judged, no and it is
 * refused, nothing and it ends 72 hours after the edge had it, and not before. Nobody else's answer is any.
 */
export function claimsEndByTheirPayersWord(
  { edge, phones, said, scheduler }: World,
  devices: readonly AdmittedDevice[],
  booked: ReadonlyMap<string, BookedPayment>,
): string[] {
  const wrong: string[] = []
  const answers = answersKept({ edge, phones })
  for (const [key, choice] of answers) {
    const [wallet, localId = ''] = key.split(' ')
    if (!said.get(localId)?.has(choice as never)) wrong.push(`${wallet} is said to ${choice} ${localId}, and did not`)
  }
  for (const { id, ownerWallet, bundles } of devices) {
    for (const [counter, [entry, { receipt }]] of firstEntries(bundles)) {
      const localId = `${id}/${counter}`
      const row = booked.get(localId)
      if (!isPayment(entry) || row === undefined || entry.sender === ownerWallet || entry.authorization) continue
      const untilMs = receipt.receivedAtMs + OPEN_HOURS * HOUR_MS
      const choice = answers.get(`${entry.sender} ${localId}`)
      const fault = faultOf(row, choice, untilMs, scheduler.nowMs)
      if (fault !== undefined) wrong.push(`${localId}, a claim on ${entry.sender}, ${fault}`)
    }
  }
  return wrong
}

/** `wallet device/counter` → what the holder of the wallet has said, as its phone's object has it. */
export function answersKept({ edge, phones }: Pick<World, 'edge' | 'phones'>): ReadonlyMap<string, string> {
  const answers = new Map<string, string>()
  for (const [wallet, { deviceId }] of phones) {
    const rows = edge.objects.read(deviceId, 'SELECT taker_id, counter, choice FROM claim_answers') as never
    for (const { taker_id, counter, choice } of rows as readonly Answer[])
      answers.set(`${wallet} ${taker_id}/${counter}`, choice)
  }
  return answers
}

function faultOf(
  { status, reason }: BookedPayment,
  choice: string | undefined,
  untilMs: number,
  nowMs: number,
): string | undefined {
  const isMoved = status === 'succeeded' || status === 'reversed'
  // A mandate's payments have a promise of their own.
  if (isMoved && reason === 'mandated') return undefined
  if (isMoved && choice !== 'confirm') return `is ${status}, and its payer has said ${choice ?? 'nothing'}`
  if (reason === 'payer_refused' && choice !== 'refuse') return `is refused by a payer who said ${choice ?? 'nothing'}`
  if (reason === 'payer_did_not_confirm' && nowMs < untilMs) return 'ended before its time'
  if (status !== 'claimed') return undefined
  if (choice !== undefined) return `is open, and its payer has said ${choice}`
  return nowMs > untilMs + LATE_MS ? 'is open long after its time' : undefined
}
