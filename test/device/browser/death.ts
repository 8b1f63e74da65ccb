/** At which write of IndexedDB, counted from the first, and on which side of it a context dies. */
export interface Death {
  readonly write: number
  readonly when: 'before' | 'after'
}

/**
 * Counts the writes of this context, and lets it die at one of them: the write is not carried out, or it is and nobody
 * hears of it.
 *
 * @param die what is done at that moment; it may return, and the write is then never answered
 */
export function dieAt(death: Death | undefined, die: () => void): { readonly writes: number; restore(): void } {
  const methods = ['put', 'delete'] as const
  const own = methods.map((method) => IDBObjectStore.prototype[method] as (...args: unknown[]) => IDBRequest)
  const unanswered = new Promise<never>(() => undefined)
  let writes = 0
  for (const [index, method] of methods.entries()) {
    IDBObjectStore.prototype[method] = function (this: IDBObjectStore, ...args: unknown[]) {
      writes++
      if (writes !== death?.write) return own[index]?.apply(this, args)
      if (death.when === 'before') {
        die()
      } else {
        own[index]?.apply(this, args)
        this.transaction.addEventListener('complete', die)
      }
      return unanswered
    } as never
  }
  return {
    get writes() {
      return writes
    },
    restore() {
      for (const [index, method] of methods.entries()) IDBObjectStore.prototype[method] = own[index] as never
    },
  }
}
