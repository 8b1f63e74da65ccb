/** @throws Error when the promise does not settle in time; what it began goes on */
export async function withDeadline<T>(promise: Promise<T>, timeoutMs: number): Promise<T> {
  const late = Promise.withResolvers<never>()
  const timer = setTimeout(() => late.reject(new Error(`no answer within ${timeoutMs} ms`)), timeoutMs)
  return Promise.race([promise, late.promise]).finally(() => clearTimeout(timer))
}
