import { ignoreAfterDeath } from './cloudflare/life.ts'
import type { WorkerModules } from './cloudflare/loader.ts'
import { realCurve } from './crypto/curve.ts'
import { Faults } from './faults/faults.ts'
import type { AllFaults, FaultKind } from './faults/kinds.ts'
import { MOMENTS } from './faults/moments.ts'
import { OPERATIONS } from './operations/all.ts'
import { isWithoutConsent } from './operations/consents.ts'
import { thaw } from './operations/freeze.ts'
import { enrol } from './operations/keys.ts'
import { ISSUER, openIssuer } from './people/issuer.ts'
import { makePlan, type Plan, type PlanOptions } from './plan.ts'
import { promisesAtQuiet } from './promises/all.ts'
import { nothingIsOwed } from './promises/owed.ts'
import { TakesAgain } from './promises/takes-again.ts'
import { BOUND_MS, nothingWaitsForEver, WAIT_MS, waits } from './promises/waiting.ts'
import { Coverage } from './states/coverage.ts'
import { installGlobals } from './time/globals.ts'
import { Random } from './time/random.ts'
import { Scheduler } from './time/scheduler.ts'
import { Trace } from './trace.ts'
import { type OpenBooks, openWorld, type World } from './world.ts'

/** What a run found. */
export interface Outcome {
  readonly seed: number
  readonly plan: Plan
  /** What was promised and is not so, in sentences. */
  readonly broken: readonly string[]
  readonly trace: Trace
  readonly faults: ReadonlyMap<FaultKind, number>
  readonly steps: number
  /** Ways from state to state that were gone. */
  readonly transitions: ReadonlySet<string>
}

export interface RunOptions extends PlanOptions {
  readonly openBooks: OpenBooks
  readonly worker: WorkerModules
  /** Whether signatures are computed for real. */
  readonly isReal?: boolean
  /** A part of the seed's own plan, to see whether it is enough. */
  readonly plan?: Plan
}

/** A run begins on this Monday, at any hour: so that days begin and end within it. */
const START_MS = Date.UTC(2026, 10, 30)
const HOUR_MS = 3_600_000
/** How long everything may take to be settled once nothing fails any more: the promise of liveness. */
const SETTLED_WITHIN_MS = 36 * 3_600_000

/** After the cron: what somebody hid in D1 is back. */
const MENDED_WITHIN_MS = 5 * 60_000

/** Share of the runs that go on until nothing may wait for people any more. */
const PATIENT = 0.3

/** Lives through one seed. Whatever it finds is an answer, not an exception. */
export async function runSeed(seed: number, options: RunOptions): Promise<Outcome> {
  const random = new Random(seed)
  const plan = options.plan ?? makePlan(random.stream('plan'), options)
  const startMs = START_MS + random.stream('start').between(0, 23) * HOUR_MS
  const scheduler = new Scheduler(startMs, random.stream('order'))
  const trace = new Trace(scheduler)
  const faults: AllFaults = new Faults(random.stream('faults'), (fault, about) =>
    trace.say(brief(about), `meets ${fault}`),
  )
  const coverage = new Coverage()
  let jwks = ''
  const fetch = async (url: string | URL | Request) => {
    const asked = url instanceof Request ? url.url : String(url)
    if (asked.startsWith(ISSUER)) return new Response(jwks, { headers: { 'content-type': 'application/json' } })
    throw new TypeError(`nobody answers at ${asked}`)
  }
  const restore = installGlobals({
    ...{ scheduler, random: random.stream('globals'), fetch: fetch as typeof globalThis.fetch },
    ...(options.isReal && { curve: realCurve }),
  })
  const broken: string[] = []
  const heard = ignoreAfterDeath()
  let world: World | undefined
  try {
    world = await until(scheduler, async () => {
      const issuer = await openIssuer()
      jwks = issuer.jwks
      return openWorld(
        plan,
        { scheduler, random, faults, trace, issuer, worker: options.worker, coverage },
        options.openBooks,
      )
    })
    const opened = world
    // What the book shows to be broken ends the run at that moment.
    scheduler.onStep(() => {
      const [sentence] = opened.book.brokenNow()
      if (sentence !== undefined) throw new PromiseBroken(sentence)
    })
    follow(plan, opened, random, (sentence) => broken.push(sentence))
    await scheduler.run(() => broken.length > 0, startMs + plan.endMs)
    if (broken.length === 0) broken.push(...(await until(scheduler, () => settle(opened))))
    const isPatient = random.stream('patience').chance(PATIENT)
    if (broken.length === 0 && isPatient) broken.push(...(await until(scheduler, () => outwait(opened))))
    if (broken.length === 0) broken.push(...(await until(scheduler, () => promisesAtQuiet(opened))))
  } catch (error) {
    broken.push(error instanceof PromiseBroken ? error.message : `the simulation failed: ${stackOf(error)}`)
  } finally {
    world?.edge.close()
    restore()
    heard()
  }
  return { seed, plan, broken, trace, faults: faults.struck, steps: scheduler.steps, transitions: coverage.transitions }
}

/** Runs the world until this is done. */
async function until<T>(scheduler: Scheduler, work: () => Promise<T>): Promise<T> {
  let result: { readonly value: T } | { readonly error: unknown } | undefined
  work().then(
    (value) => {
      result = { value }
    },
    (error: unknown) => {
      result = { error }
    },
  )
  await scheduler.run(() => result !== undefined)
  if (result === undefined) throw new Error('nothing is left to run, and it is not done')
  if ('error' in result) throw result.error
  return result.value
}

/** Puts everything that is planned into the scheduler. */
function follow(plan: Plan, world: World, random: Random, broken: (sentence: string) => void): void {
  const { scheduler, devices, faults, trace } = world
  const at = (atMs: number, run: () => void) => scheduler.after(atMs - scheduler.monotonicMs, run)
  for (const { no, atMs, kind, device: index } of plan.operations) {
    at(atMs, () => {
      const device = devices[index]
      if (device === undefined) return
      const chance = random.stream(`operation ${no}`)
      OPERATIONS[kind].run(world, device, chance).then(
        (what) => trace.say(device.id, what),
        (error: unknown) => broken(`${device.id} could not ${kind}: ${stackOf(error)}`),
      )
    })
  }
  for (const { no, kind, fromMs, toMs, probability } of plan.faults) {
    if (kind === 'reconciler_killed') at(fromMs, () => MOMENTS[kind](world, random.stream(`fault ${no}`)))
    else {
      at(fromMs, () => faults.set(kind, probability))
      at(toMs, () => faults.set(kind, 0))
    }
  }
}

/** Nothing fails any more, devices are on and have a network: all is settled within a bounded time. */
async function settle(world: World): Promise<string[]> {
  const { faults, devices, reconcilers, office, trace } = world
  faults.stop()
  trace.say('the world', 'has no more faults')
  for (const reconciler of reconcilers) if (!reconciler.isAlive) reconciler.start()
  for (const device of devices) {
    device.network.isUp = true
    device.skewMs = 0
    device.life.spare()
    if (device.life.isOver) await device.restart()
    if (device.isReplaced && !device.isRevoked) await enrol(world, device)
    if (!device.isRevoked) {
      await office.ask('ops', 'pay_admin', 'POST', `/offline/devices/${device.id}/reactivate`, { reason: 'at the end' })
      if (isWithoutConsent(world, device.id)) await office.consent(device.id)
    }
  }
  for (const wallet of [...world.frozen.keys()]) await thaw(world, wallet)
  const takesAgain = new TakesAgain(world)
  await takesAgain.allow()
  return untilSettled(world, () => takesAgain.ask())
}

/** @param more what else is left to do, in sentences */
async function untilSettled(world: World, more: () => Promise<readonly string[]>): Promise<string[]> {
  const { scheduler, devices, edge, book } = world
  const untilMs = scheduler.nowMs + SETTLED_WITHIN_MS
  for (let pauseMs = 5 * 60_000; ; pauseMs *= 1.5) {
    for (const device of devices) await device.sdk.syncNow()
    await edge.cron()
    await book.release()
    await scheduler.sleep(pauseMs)
    const left = [...(await more()), ...(await book.underWay()), ...nothingIsOwed(world)]
    if (left.length === 0) break
    if (scheduler.nowMs > untilMs) return left.map((sentence) => `${sentence}, long after the last fault`)
  }
  // What objects still owed when the cron came last it did not mend.
  await edge.cron()
  await scheduler.sleep(MENDED_WITHIN_MS)
  for (const device of devices) await device.sdk.syncNow()
  return []
}

/** Where anything waits for people: nobody does anything for as long as it may wait. */
async function outwait(world: World): Promise<string[]> {
  const { scheduler, book, edge, trace } = world
  if (!(await book.payments()).some(waits)) return []
  trace.say('the world', 'waits for people who do not come')
  await scheduler.sleep(WAIT_MS)
  await edge.cron()
  await scheduler.sleep(BOUND_MS)
  const left = await untilSettled(world, async () => [])
  return left.length > 0 ? left : nothingWaitsForEver(await book.payments())
}

class PromiseBroken extends Error {
  override name = 'PromiseBroken'
}

const stackOf = (error: unknown) => (error instanceof Error ? (error.stack ?? error.message) : String(error))

/** A statement is told by its beginning. */
const brief = (about: string): string => about.trim().replaceAll(/\s+/g, ' ').slice(0, 60)
