import type { Locale } from '../../../ui/index.ts'
import { en } from './en.ts'
import { fr } from './fr.ts'
import type { Messages } from './messages.ts'
import { wo } from './wo.ts'

export const MESSAGES: Readonly<Record<Locale, Messages>> = { fr, en, wo }
