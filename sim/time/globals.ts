import { isAfterDeath } from '../cloudflare/life.ts'
import { type Curve, standInCurve } from '../crypto/curve.ts'
import { simulatedSubtle } from '../crypto/subtle.ts'
import { SimulatedHeaders } from '../http/headers.ts'
import { SimulatedRequest, SimulatedResponse } from '../http/messages.ts'
import type { Random } from './random.ts'
import type { Scheduler, Waiting } from './scheduler.ts'

/**
 * Clocks, timers, chance and cryptography of the whole process, replaced for one run. The Worker and libraries below it (jose,
 * hono, hpke, the queue's client) take them from the globals of their runtime: replaced here they run unchanged, and nothing
 * can be forgotten.
 */
export interface GlobalsOptions {
  readonly scheduler: Scheduler
  readonly random: Random
  readonly curve?: Curve
  /** Answers what the program asks the world outside: the issuer's keys, SIRA. */
  readonly fetch: typeof globalThis.fetch
}

const NAMES = [
  'Date',
  'setTimeout',
  'clearTimeout',
  'setInterval',
  'clearInterval',
  'setImmediate',
  'performance',
  'crypto',
  'fetch',
  'Headers',
  'Request',
  'Response',
  'console',
] as const

/** @returns puts the platform's own back */
export function installGlobals({ scheduler, random, curve = standInCurve(), fetch }: GlobalsOptions): () => void {
  const platform = NAMES.map((name) => [name, globalThis[name]] as const)
  const platformTimeout = AbortSignal.timeout
  const platformRandom = Math.random
  const chance = random.stream('chance')
  const fill = <T extends ArrayBufferView>(array: T): T => {
    new Uint8Array(array.buffer, array.byteOffset, array.byteLength).set(chance.bytes(array.byteLength))
    return array
  }
  const timers = simulatedTimers(scheduler)
  const values: Record<(typeof NAMES)[number], unknown> = {
    Date: simulatedDate(scheduler),
    ...timers,
    performance: {
      ...performance,
      now: () => scheduler.monotonicMs,
      timeOrigin: 0,
      mark: () => undefined,
      measure: () => undefined,
    },
    crypto: {
      subtle: simulatedSubtle(curve, (length) => chance.bytes(length)),
      getRandomValues: fill,
      randomUUID: () => uuidOf(chance.bytes(16)),
    },
    fetch,
    Headers: SimulatedHeaders,
    Request: SimulatedRequest,
    Response: SimulatedResponse,
    // What the Worker logs is for operators; a run has its own trace.
    console: { ...console, debug: ignore, log: ignore, info: ignore, warn: ignore, error: ignore },
  }
  for (const name of NAMES) replace(name, values[name])
  Math.random = () => chance.next()
  AbortSignal.timeout = (delayMs) => {
    const controller = new AbortController()
    scheduler.after(delayMs, () => controller.abort(timedOut))
    return controller.signal
  }
  return () => {
    for (const [name, value] of platform) replace(name, value)
    AbortSignal.timeout = platformTimeout
    Math.random = platformRandom
  }
}

const ignore = () => undefined
/** One for all: nobody reads where it was made, and nearly every deadline passes long after what it was set for. */
const timedOut = new DOMException('The operation timed out', 'TimeoutError')

/**
 * Written as a value, and not defined again each time: then code that was compiled for the last run holds for the next one.
 */
function replace(name: (typeof NAMES)[number], value: unknown): void {
  if (Object.getOwnPropertyDescriptor(globalThis, name)?.writable !== true) {
    Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
  } else Reflect.set(globalThis, name, value)
}

/** Makes the platform's own dates. */
function simulatedDate(scheduler: Scheduler): DateConstructor {
  const platform = Date
  const now = () => Math.floor(scheduler.nowMs)
  function SimulatedDate(...args: unknown[]): Date | string {
    if (new.target === undefined) return new platform(now()).toString()
    const made = new.target === SimulatedDate ? platform : new.target
    return Reflect.construct(platform, args.length === 0 ? [now()] : args, made)
  }
  SimulatedDate.prototype = platform.prototype
  return Object.assign(SimulatedDate, { now, parse: platform.parse, UTC: platform.UTC }) as unknown as DateConstructor
}

/** Timers with what Node's have: `refresh`, `unref`. */
function simulatedTimers(scheduler: Scheduler) {
  interface Timer {
    refresh(): Timer
    ref(): Timer
    unref(): Timer
    hasRef(): boolean
    stop(): void
  }
  const start = (run: () => void, delayMs: number, isRepeated: boolean): Timer => {
    let waiting: Waiting | undefined
    let isStopped = false
    const timer: Timer = {
      refresh() {
        waiting?.cancel()
        if (!isStopped) waiting = scheduler.after(delayMs, fire)
        return timer
      },
      ref: () => timer,
      unref: () => timer,
      hasRef: () => true,
      stop() {
        isStopped = true
        waiting?.cancel()
      },
    }
    const fire = () => {
      if (isRepeated) timer.refresh()
      try {
        run()
      } catch (error) {
        // A timer of an instance that is gone.
        if (!isAfterDeath(error)) throw error
      }
    }
    return timer.refresh()
  }
  const stop = (timer: unknown) => (timer as Timer | null | undefined)?.stop?.()
  type Run = (...args: unknown[]) => void
  return {
    setTimeout: (run: Run, delayMs = 0, ...args: unknown[]) => start(() => run(...args), delayMs, false),
    setInterval: (run: Run, delayMs = 0, ...args: unknown[]) => start(() => run(...args), Math.max(1, delayMs), true),
    setImmediate: (run: Run, ...args: unknown[]) => start(() => run(...args), 0, false),
    clearTimeout: stop,
    clearInterval: stop,
  }
}

function uuidOf(bytes: Uint8Array): string {
  const hex = Buffer.from(bytes).toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-4${hex.slice(13, 16)}-8${hex.slice(17, 20)}-${hex.slice(20)}`
}
