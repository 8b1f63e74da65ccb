import type { Reason } from '../../protocol/states.ts'
import { en } from './en.ts'
import { fr } from './fr.ts'
import type { Locale, Messages } from './messages.ts'
import { wo } from './wo.ts'

export const MESSAGES: Readonly<Record<Locale, Messages>> = { fr, en, wo }

/** Reasons are a closed list that newer servers may add to: one that is not known here shows as its own name. */
export function reasonText({ reasons }: Messages, reason: string): string {
  return Object.hasOwn(reasons, reason) ? reasons[reason as Reason] : reason
}
