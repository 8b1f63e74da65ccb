import { describe, expect, it } from 'vitest'
import { broadcastChannel, browserHints, persistStorage, webLocks } from '../../../src/device/browser/index.ts'
import type { Hint } from '../../../src/device/sdk/index.ts'
import { freshName } from './kit.ts'

const WAIT_MS = 60_000

describe('locks', () => {
  it('run one at a time under a name, in turn, and at once under different names', async () => {
    const exclusive = webLocks()
    const [name, other] = [freshName(), freshName()]
    const log: string[] = []
    const first = Promise.withResolvers<void>()
    const runs = [
      exclusive(
        name,
        async () => {
          log.push('first')
          await first.promise
          log.push('first ends')
        },
        WAIT_MS,
      ),
      exclusive(name, async () => void log.push('second'), WAIT_MS),
    ]
    await exclusive(other, async () => void log.push('other'), WAIT_MS)
    first.resolve()
    await Promise.all(runs)
    expect(log).toEqual(['first', 'other', 'first ends', 'second'])
  })

  it('hand back what the run gave or threw, and are free again after it threw', async () => {
    const exclusive = webLocks()
    const name = freshName()
    const failing = exclusive(name, () => Promise.reject(new Error('no')), WAIT_MS)
    await expect(failing).rejects.toThrow('no')
    expect(await exclusive(name, async () => 7, WAIT_MS)).toBe(7)
  })
})

describe('a lock that somebody else holds', () => {
  it('is waited for no longer than asked, and what waited is never run afterwards', async () => {
    const exclusive = webLocks()
    const name = freshName()
    const held = Promise.withResolvers<void>()
    const holder = exclusive(name, () => held.promise, WAIT_MS)
    const ran: string[] = []
    const waiting = exclusive(name, async () => void ran.push('late'), 1)
    await expect(waiting).rejects.toMatchObject({ name: 'TimeoutError' })
    held.resolve()
    await holder
    // Behind everything that waited for the name.
    await exclusive(name, async () => undefined, WAIT_MS)
    expect(ran).toEqual([])
  })
})

describe('the channel', () => {
  it('is heard by the others of its name until they unsubscribe, and not by itself', async () => {
    const name = freshName()
    const [speaker, listener, stranger] = [
      broadcastChannel(name),
      broadcastChannel(name),
      broadcastChannel(freshName()),
    ]
    const heard: string[] = []
    speaker.subscribe(() => heard.push('self'))
    stranger.subscribe(() => heard.push('stranger'))
    const next = () =>
      new Promise<void>((resolve) => {
        const end = listener.subscribe(() => {
          heard.push('listener')
          end()
          resolve()
        })
      })
    const once = next()
    speaker.post()
    await once
    const again = next()
    speaker.post()
    await again
    expect(heard).toEqual(['listener', 'listener'])
    for (const channel of [speaker, listener, stranger]) channel.close()
  })
})

describe('hints', () => {
  it('tell what the browser says, until unsubscribed', () => {
    const heard: Hint[] = []
    const end = browserHints((hint) => heard.push(hint))
    for (const event of ['offline', 'online', 'pagehide', 'pageshow']) dispatchEvent(new Event(event))
    document.dispatchEvent(new Event('visibilitychange'))
    expect(heard).toEqual(['offline', 'online', 'hidden', 'visible', 'visible'])
    end()
    dispatchEvent(new Event('online'))
    expect(heard).toHaveLength(5)
  })
})

it('persistence is asked for once and says what was granted', async () => {
  const asked = navigator.storage.persist
  let times = 0
  navigator.storage.persist = () => {
    times++
    return asked.call(navigator.storage)
  }
  try {
    const granted = await Promise.all([persistStorage(), persistStorage()])
    expect(granted).toEqual([granted[0], granted[0]])
    expect(granted[0]).toBe((await navigator.storage.persisted()) ? 'persistent' : 'best_effort')
    expect(times).toBeLessThanOrEqual(1)
  } finally {
    navigator.storage.persist = asked
  }
})
