/** Objects that one request or batch calls at a time. */
export const OBJECTS_AT_ONCE = 8

/**
 * Works through the items, `atOnce` of them at a time, and answers in their order. A burst of calls to as many objects
 * would stand in front of every push that arrives meanwhile, at each of its steps anew.
 *
 * @param work must not throw: what one item's failure means is its own to say
 */
export async function atOnce<T, R>(items: readonly T[], lanes: number, work: (item: T) => Promise<R>): Promise<R[]> {
  const results: R[] = []
  let next = 0
  const lane = async () => {
    while (next < items.length) {
      const at = next++
      results[at] = await work(items[at] as T)
    }
  }
  await Promise.all(Array.from({ length: Math.min(lanes, items.length) }, lane))
  return results
}
