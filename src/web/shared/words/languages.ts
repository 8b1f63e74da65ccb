import type { Locale } from '../../../ui/index.ts'
import { en } from './en.ts'
import { fr } from './fr.ts'
import { wo } from './wo.ts'

/** Each language by its own name. */
export const LANGUAGES: Readonly<Record<Locale, string>> = { fr: fr.language, en: en.language, wo: wo.language }
