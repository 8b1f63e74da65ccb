let leaving = false

/** Whether it is this page itself that removes the till: its storage is then deleted on purpose. */
export const isLeaving = (): boolean => leaving

/** Runs what removes the till. */
export async function whileLeaving<T>(run: () => Promise<T>): Promise<T> {
  leaving = true
  try {
    return await run()
  } finally {
    leaving = false
  }
}
