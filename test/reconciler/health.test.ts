import { expect, test } from 'vitest'
import { Pulse } from '../../reconciler/health.ts'
import { openLog } from '../../reconciler/log.ts'
import { Bell, type GoOn, runLoop } from '../../reconciler/loop.ts'

const TEN_MINUTES_MS = 10 * 60_000

/** A loop whose first step lasts until the test lets it end. */
function held() {
  let now = 0
  const pulse = new Pulse(() => now)
  const stop = new AbortController()
  const bell = new Bell()
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
    { name: 'send', step, bell, idleMs: 1, wakes: [] },
    {
      signal: stop.signal,
      log: openLog('silent'),
      random: () => 0.5,
      observe: (name, _, count) => pulse.beat(name, count === undefined),
      alive: (name) => pulse.alive(name),
    },
  )
  const pass = (ms: number) => {
    now += ms
  }
  return { pulse, stop, running, began: began.promise, goOn: () => goOn(), end: () => end(), pass }
}

test('a loop that hangs in its very first step shows', async () => {
  const { pulse, stop, running, began, end, pass } = held()
  await began
  expect(pulse.stuck()).toEqual([])
  pass(TEN_MINUTES_MS)
  expect(pulse.stuck()).toEqual(['send'])
  stop.abort()
  end()
  await running
})

test('a long step that comes to its next part is alive, and learns there that it is to end', async () => {
  const { pulse, stop, running, began, goOn, end, pass } = held()
  await began
  pass(TEN_MINUTES_MS)
  expect(goOn()).toBe(true)
  expect(pulse.stuck()).toEqual([])
  stop.abort()
  expect(goOn()).toBe(false)
  end()
  await running
})
