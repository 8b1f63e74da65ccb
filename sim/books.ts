import type { Tier } from './options.ts'
import type { OpenBooks } from './world.ts'

/** The side of the reconciler as this tier has it. Loaded when it is asked for: SQL takes seconds to start. */
export async function booksOf(tier: Tier): Promise<OpenBooks> {
  if (tier === 'deep') return (await import('./book/open.ts')).openSqlBooks
  return (await import('./model/open.ts')).openModelBooks
}
