/**
 * - `persistent`: only the person clears the storage
 * - `best_effort`: the browser may clear it when the disk is nearly full, or after some weeks without a visit; an installed
 *   app, or one that may send notifications, is granted more
 * - `unknown`: the browser does not say
 */
export type Persistence = 'persistent' | 'best_effort' | 'unknown'

let asked: Promise<Persistence> | undefined

/** Asks the browser to keep this site's storage. Asked once a page, however often it is called: some browsers ask the person. */
export function persistStorage(): Promise<Persistence> {
  asked ??= ask().catch((): Persistence => 'unknown')
  return asked
}

async function ask(): Promise<Persistence> {
  // A page without https has none of it, and a worker may look but not ask.
  const storage: Partial<StorageManager> | undefined = globalThis.navigator?.storage
  if (storage?.persisted === undefined) return 'unknown'
  return (await storage.persisted()) || (await storage.persist?.()) === true ? 'persistent' : 'best_effort'
}
