import { IsolateGone, isAfterDeath, Life } from './life.ts'
import type { WorkerModules } from './loader.ts'
import { type Platform, partOf } from './platform.ts'
import type { PushedBatch } from './push-consumer.ts'
import { rateLimit } from './rate-limit.ts'

/** An isolate of the Worker: its bindings, and what runs in it. Each call fails when the isolate is gone before it ends. */
export interface Isolate {
  readonly env: object
  fetch(request: Request): Promise<Response>
  queue(batch: PushedBatch): Promise<void>
  cron(): Promise<void>
  end(): void
}

const RATES = ['PUSH_RATE', 'FIRST_RATE', 'REPEAT_RATE', 'ADDRESS_RATE'] as const

/** @param bindings settings and bindings, for who runs in a life */
export function isolateOf(
  { handler, forgetIsolate }: WorkerModules,
  bindings: (life: Life) => object,
  platform: Platform,
): Isolate {
  const life = new Life()
  const part = partOf(platform, 'isolate')
  const rates = RATES.map((name) => [name, rateLimit(name, life, part)] as const)
  const env = { ...bindings(life), ...Object.fromEntries(rates) }
  const takeBack = installWaiting(platform)
  forgetIsolate()
  const context = {
    waitUntil(work: Promise<unknown>) {
      work.catch((error) => isAfterDeath(error) || platform.uncaught(error, 'waitUntil of the Worker'))
    },
    passThroughOnException: () => undefined,
  }
  /** In a chain of its own, so that what throws at once fails like all else. */
  const run = <T>(work: () => T | Promise<T>): Promise<T> => life.outside(Promise.resolve().then(work))
  return {
    env,
    fetch: (request) => run(() => handler.fetch(...runtimes<typeof handler.fetch>(request, env, context))),
    queue: (batch) => run(() => handler.queue(...runtimes<typeof handler.queue>(batch, env, context))),
    cron() {
      const controller = { scheduledTime: platform.scheduler.nowMs, cron: '* * * * *', noRetry: () => undefined }
      return run(() => handler.scheduled(...runtimes<typeof handler.scheduled>(controller, env, context)))
    },
    end() {
      life.end(new IsolateGone('the isolate is gone'))
      takeBack()
    },
  }
}

/** `scheduler.wait` is workerd's own, and settle-sender.ts takes it as a global. @returns puts back what was there */
function installWaiting({ scheduler }: Platform): () => void {
  const before: unknown = Reflect.get(globalThis, 'scheduler')
  const wait = (delayMs: number) => scheduler.sleep(delayMs)
  // Written and not defined, as in time/globals.ts.
  Reflect.set(globalThis, 'scheduler', { wait })
  return () => void Reflect.set(globalThis, 'scheduler', before)
}

/** What stands in for the runtime's own types, where production code is handed it. */
const runtimes = <Call extends (...args: never[]) => unknown>(...args: unknown[]) => args as unknown as Parameters<Call>
