import { expect, test } from 'vitest'
import { InvalidConfig } from '../../reconciler/config.ts'
import { Liveness } from '../../reconciler/health.ts'
import { openLog } from '../../reconciler/log.ts'
import { type GoOn, runLoop, Wakeup } from '../../reconciler/loop.ts'

const TEN_MINUTES_MS = 10 * 60_000

/** A loop whose first step lasts until the test lets it end. */
function hangingLoop() {
  let now = 0
  const liveness = new Liveness(() => now)
  const stop = new AbortController()
  const wakeup = new Wakeup()
  let goOn: GoOn = () => true
  let end = () => {}
  const began = Promise.withResolvers<void>()
  const step = (ask: GoOn) => {
    goOn = ask
    began.resolve()
    return new Promise<number>((resolve) => {
      end = () => resolve(0)
    })
  }
  const running = runLoop(
    { name: 'send', step, wakeup, idleMs: 1, wakes: [] },
    {
      signal: stop.signal,
      log: openLog('silent'),
      random: () => 0.5,
      observe: (name, _, count) => liveness.ended(name, count === undefined),
      alive: (name) => liveness.alive(name),
    },
  )
  const pass = (ms: number) => {
    now += ms
  }
  return { liveness, stop, running, began: began.promise, goOn: () => goOn(), end: () => end(), pass }
}

test('a loop that hangs in its very first step shows', async () => {
  const { liveness, stop, running, began, end, pass } = hangingLoop()
  await began
  expect(liveness.silent()).toEqual([])
  pass(TEN_MINUTES_MS)
  expect(liveness.silent()).toEqual(['send'])
  stop.abort()
  end()
  await running
})

test('a long step that comes to its next part is alive, and learns there that it is to end', async () => {
  const { liveness, stop, running, began, goOn, end, pass } = hangingLoop()
  await began
  pass(TEN_MINUTES_MS)
  expect(goOn()).toBe(true)
  expect(liveness.silent()).toEqual([])
  stop.abort()
  expect(goOn()).toBe(false)
  end()
  await running
})

test('a step that hangs for good is given up and the next one works; the loop counts as stuck until then', async () => {
  const liveness = new Liveness(() => 0)
  const stop = new AbortController()
  const worked = Promise.withResolvers<void>()
  const hanging: GoOn[] = []
  const stuck: string[][] = []
  const step = async (goOn: GoOn) => {
    hanging.push(goOn)
    if (hanging.length === 1) return new Promise<number>(() => undefined)
    stuck.push(liveness.stuck())
    worked.resolve()
    return 0
  }
  const running = runLoop(
    { name: 'send', step, wakeup: new Wakeup(), idleMs: 60_000, wakes: [], silentMaxMs: 50 },
    {
      signal: stop.signal,
      log: openLog('silent'),
      random: () => 0,
      observe: (name, _, count) => liveness.ended(name, count === undefined),
      alive: (name) => liveness.alive(name),
      gaveUp: (name) => liveness.gaveUp(name),
    },
  )
  await worked.promise
  // Should it go on after all, it learns that it is to end.
  expect(hanging[0]?.()).toBe(false)
  stop.abort()
  await running
  expect(stuck).toEqual([['send']])
  expect(liveness.stuck()).toEqual([])
})

test('a fault that only a person can mend ends the loop', async () => {
  const step = () => Promise.reject(new InvalidConfig('no such role'))
  const deps = { signal: new AbortController().signal, log: openLog('silent'), random: () => 0 }
  const running = runLoop({ name: 'send', step, wakeup: new Wakeup(), idleMs: 1, wakes: [] }, deps)
  await expect(running).rejects.toThrow('no such role')
})
