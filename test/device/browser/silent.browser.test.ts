import { deleteDB, openDB } from 'idb'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { Database } from '../../../src/device/browser/database.ts'
import { forgetDevice, indexedDbStorage } from '../../../src/device/browser/index.ts'
import { connectionsOf, freshName, isClosed } from './kit.ts'
import { till } from './till.ts'

/** IndexedDB that does not answer: another window is frozen, or the browser's storage process is. */
afterEach(() => void vi.useRealTimers())

const silent = { name: 'TimeoutError' }
const read = (database: Database) =>
  database.transaction(['records'], 'readonly', (transaction) => transaction.objectStore('records').get('a'))

it('opening is waited for no longer than asked, and what opens too late is closed', async () => {
  const name = freshName()
  const frozen = await openDB(name, 1)
  // Waits for the frozen window, and whoever opens now waits behind it.
  const deleting = deleteDB(name)
  const connections = await connectionsOf(async () => {
    const database = new Database(name, { answerWithinMs: 1 })
    await expect(read(database)).rejects.toMatchObject(silent)
    frozen.close()
    await deleting
    await expect.poll(() => indexedDB.databases().then((all) => all.map((one) => one.name))).toContain(name)
  })
  await expect.poll(() => connections.map(isClosed)).toEqual([true])
  // Nobody holds it.
  await deleteDB(name)
})

it('a write that is not answered is given up for good, and the next one finds another connection', async () => {
  const name = freshName()
  await (await indexedDbStorage(name)).setItem('a', 'before')
  // Time passes when the test says so: a busy machine must not make an answer late.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
  const database = new Database(name, { answerWithinMs: 50 })
  expect(await read(database)).toBe('before')
  const frozen = await openDB(name)
  const busy = frozen.transaction('records', 'readwrite')
  let isBusy = true
  const keepBusy = async () => {
    while (isBusy) await busy.store.get('a')
  }
  const working = keepBusy()
  const write = database.transaction(['records'], 'readwrite', (transaction) =>
    transaction.objectStore('records').put('late', 'a'),
  )
  const told = expect(write).rejects.toMatchObject(silent)
  await expect.poll(() => vi.getTimerCount()).toBe(1)
  await vi.advanceTimersByTimeAsync(50)
  await told
  isBusy = false
  await working
  await busy.done
  expect(await read(database)).toBe('before')
})

describe('a device that another window does not let go', () => {
  it('is not said to be forgotten, and takes no payment from then on', async () => {
    const shop = await till()
    const sdk = await shop.start()
    const frozen = await openDB(shop.name)
    const asked = new Promise((resolve) => frozen.addEventListener('versionchange', resolve))
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const forgetting = forgetDevice({ name: shop.name })
    const told = expect(forgetting).rejects.toMatchObject({ code: 'device_busy' })
    await asked
    await vi.advanceTimersByTimeAsync(10_000)
    await told
    await expect(sdk.createOfflineTransaction({} as never)).rejects.toMatchObject({ money: 'not_taken' })
    frozen.close()
    vi.useRealTimers()
    await sdk.destroy()
  })
})
