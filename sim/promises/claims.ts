import { isPayment } from '../../src/protocol/payment.ts'
import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'
import { type AdmittedDevice, firstEntries } from './admitted.ts'
import { stillSpeaks } from './holders-words.ts'
import { isRegistered } from './seen.ts'

const HOUR_MS = 3_600_000
const OPEN_HOURS = 72
/** How long after its time a claim may still stand open, at quiet. */
const LATE_MS = HOUR_MS

interface Answer {
  readonly taker_id: string
  readonly counter: number
  readonly choice: string
  readonly at: number
}

interface Said {
  readonly choice: string
  /** Not when the phone may have lost its say before the book took the answer down. */
  readonly countsForSure: boolean
}

/**
 * What came of each claim is what its payer said, as the payer's own object has it: yes and it is judged, no and it is
 * refused, nothing and it ends 72 hours after the edge had it, and not before. Of what several phones say either may be the
 * first. Nobody else's answer is any.
 */
export function claimsEndByTheirPayersWord(
  world: World,
  devices: readonly AdmittedDevice[],
  booked: ReadonlyMap<string, BookedPayment>,
): string[] {
  const { said, scheduler } = world
  const wrong: string[] = []
  const answers = answersKept(world)
  for (const [key, all] of answers) {
    const [wallet, localId = ''] = key.split(' ')
    for (const { choice } of all)
      if (!said.get(localId)?.has(choice as never)) wrong.push(`${wallet} is said to ${choice} ${localId}, and did not`)
  }
  for (const { id, ownerWallet, bundles } of devices) {
    for (const [counter, [entry, { receipt }]] of firstEntries(bundles)) {
      const localId = `${id}/${counter}`
      const row = booked.get(localId)
      if (!isPayment(entry) || row === undefined || entry.sender === ownerWallet || entry.authorization) continue
      const untilMs = receipt.receivedAtMs + OPEN_HOURS * HOUR_MS
      const fault = faultOf(row, answers.get(`${entry.sender} ${localId}`) ?? [], untilMs, scheduler.nowMs)
      if (fault !== undefined) wrong.push(`${localId}, a claim on ${entry.sender}, ${fault}`)
    }
  }
  return wrong
}

/** `wallet device/counter` → what the holder of the wallet has said on each phone, as the phones' objects have it. */
export function answersKept(world: World): ReadonlyMap<string, readonly Said[]> {
  const { edge, phones, household } = world
  const answers = new Map<string, Said[]>()
  const heard = (wallet: string, deviceId: string, countsForSure: (atMs: number) => boolean) => {
    const rows = edge.objects.read(deviceId, 'SELECT taker_id, counter, choice, at FROM claim_answers') as never
    for (const { taker_id, counter, choice, at } of rows as readonly Answer[]) {
      const name = `${wallet} ${taker_id}/${counter}`
      answers.set(name, [...(answers.get(name) ?? []), { choice, countsForSure: countsForSure(at) }])
    }
  }
  for (const [wallet, { deviceId }] of phones) heard(wallet, deviceId, () => true)
  for (const { id, wallet } of [household.first, household.second, household.third]) {
    if (isRegistered(edge, id)) heard(wallet, id, (atMs) => stillSpeaks(world, id, atMs))
  }
  return answers
}

function faultOf(
  { status, reason }: BookedPayment,
  answers: readonly Said[],
  untilMs: number,
  nowMs: number,
): string | undefined {
  const choices = answers.map(({ choice }) => choice)
  const what = choices.join(' and ') || 'nothing'
  const isMoved = status === 'succeeded' || status === 'reversed'
  // A mandate's payments have a promise of their own.
  if (isMoved && reason === 'mandated') return undefined
  if (isMoved && !choices.includes('confirm')) return `is ${status}, and its payer has said ${what}`
  if (reason === 'payer_refused' && !choices.includes('refuse')) return `is refused by a payer who said ${what}`
  if (reason === 'payer_did_not_confirm' && nowMs < untilMs) return 'ended before its time'
  if (status !== 'claimed') return undefined
  if (answers.some(({ countsForSure }) => countsForSure)) return `is open, and its payer has said ${what}`
  return nowMs > untilMs + LATE_MS ? 'is open long after its time' : undefined
}
