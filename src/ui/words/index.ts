import type { EntryStatus, Guarantee, OfflinePayment } from '../../device/sdk/index.ts'
import type { Reason } from '../../protocol/states.ts'
import { en } from './en.ts'
import { fr } from './fr.ts'
import type { Locale, Messages } from './messages.ts'
import { wo } from './wo.ts'

export const MESSAGES: Readonly<Record<Locale, Messages>> = { fr, en, wo }

/** Nothing is decided about it yet. */
const UNDER_WAY: ReadonlySet<EntryStatus> = new Set(['pending_offline', 'pending'])

interface Noted {
  readonly reason?: string | undefined
  readonly voidRefused?: boolean | undefined
  readonly status?: EntryStatus | undefined
  readonly guarantee?: Guarantee | undefined
}

/**
 * What is said of a payment's guarantee. Nothing of one out of the device's own wallet: nobody doubts its owner's word.
 */
export const guaranteeToShow = ({ guarantee, authorization }: GuaranteedPayment): Guarantee | undefined =>
  guarantee === 'signed' && authorization === undefined ? undefined : guarantee

type GuaranteedPayment = Pick<OfflinePayment, 'guarantee' | 'authorization'>

/** What there is to say about a payment besides its status. Its reason is not said while only the void was refused. */
export function noteOf(words: Messages, payment: Noted): string | undefined {
  const { reason, voidRefused, status, guarantee } = payment
  if (voidRefused) return words.voidRefused
  // Whoever has taken a claim must not think that it is only on its way.
  if (reason === undefined && guarantee !== undefined && status !== undefined && UNDER_WAY.has(status)) {
    return words.guarantees[guarantee]
  }
  return reason === undefined ? undefined : reasonText(words, reason)
}

/** Reasons are a closed list that newer servers may add to: one that is not known here shows as its own name. */
function reasonText({ reasons }: Messages, reason: string): string {
  return Object.hasOwn(reasons, reason) ? reasons[reason as Reason] : reason
}
