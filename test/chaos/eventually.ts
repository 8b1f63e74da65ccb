const EVERY_MS = 50
/** Only ends what never comes: a busy machine may take its time. */
const DEADLINE_MS = 300_000

/**
 * Asks again and again until the answer is neither undefined nor false.
 *
 * @param what is being waited for, for whoever reads that it did not happen
 */
export async function eventually<T>(
  what: string,
  ask: () => Promise<T | undefined | false>,
  withinMs = DEADLINE_MS,
): Promise<T> {
  const deadline = Date.now() + withinMs
  for (let failed: unknown; ; ) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== false) return answer
      failed = undefined
    } catch (error) {
      // What is asked may be what is down.
      failed = error
    }
    if (Date.now() > deadline) throw new Error(`not within ${withinMs / 1000} s: ${what}`, { cause: failed })
    await new Promise((resolve) => setTimeout(resolve, EVERY_MS))
  }
}
