import { deleteDB, openDB } from 'idb'
import { describe, expect, it } from 'vitest'
import { cdp } from 'vitest/browser'
import { Database } from '../../../src/device/browser/database.ts'
import { indexedDbStorage } from '../../../src/device/browser/index.ts'
import { memoryStorage, type Storage } from '../../../src/device/sdk/index.ts'
import { connectionsOf, fillDisk, freshName } from './kit.ts'

/** What the SDK asks of a store, held against every kind of store that a browser app has. */
const STORES: Record<string, () => Promise<Storage>> = {
  memory: async () => memoryStorage(),
  localStorage: async () => localStorage,
  IndexedDB: () => indexedDbStorage(freshName()),
}

describe.each(Object.entries(STORES))('%s', (_, open) => {
  it('gives back what was written, last write first, and nothing under a key that was never written', async () => {
    const storage = await open()
    expect(await storage.getItem('a/1')).toBeNull()
    await storage.setItem('a/1', 'one')
    await storage.setItem('a/2', '')
    await storage.setItem('a/1', 'o\u0000né 🐘')
    expect([await storage.getItem('a/1'), await storage.getItem('a/2')]).toEqual(['o\u0000né 🐘', ''])
  })

  it('removes one record and no other, and removing twice is no error', async () => {
    const storage = await open()
    await storage.setItem('b/1', 'one')
    await storage.setItem('b/11', 'eleven')
    await storage.removeItem('b/1')
    await storage.removeItem('b/1')
    expect([await storage.getItem('b/1'), await storage.getItem('b/11')]).toEqual([null, 'eleven'])
  })

  it('keeps records apart that are written at once', async () => {
    const storage = await open()
    const keys = Array.from({ length: 50 }, (_, index) => `c/${index}`)
    await Promise.all(keys.map((key) => storage.setItem(key, `of ${key}`)))
    expect(await Promise.all(keys.map((key) => storage.getItem(key)))).toEqual(keys.map((key) => `of ${key}`))
  })
})

describe('IndexedDB', () => {
  it('a write that resolved is there for another connection', async () => {
    const name = freshName()
    const storage = await indexedDbStorage(name)
    await storage.setItem('a', '1')
    expect(await (await indexedDbStorage(name)).getItem('a')).toBe('1')
  })

  it('a write whose transaction is aborted, as a full disk does, rejects and leaves what was there', async () => {
    const storage = await indexedDbStorage(freshName())
    await storage.setItem('a', 'before')
    const full = fillDisk()
    try {
      await expect(storage.setItem('a', 'after')).rejects.toMatchObject({ name: 'AbortError' })
    } finally {
      full.restore()
    }
    expect(await storage.getItem('a')).toBe('before')
    await storage.setItem('a', 'after')
    expect(await storage.getItem('a')).toBe('after')
  })

  it('goes on after the browser dropped the connection without a word', async () => {
    let storage = memoryStorage()
    const connections = await connectionsOf(async () => {
      storage = await indexedDbStorage(freshName())
      await storage.setItem('a', '1')
    })
    expect(connections).toHaveLength(1)
    for (const connection of connections) connection.close()
    await storage.setItem('b', '2')
    expect([await storage.getItem('a'), await storage.getItem('b')]).toEqual(['1', '2'])
  })

  it('keeps nothing of a transaction whose work throws', async () => {
    const name = freshName()
    const failing = new Database(name).transaction(['records'], 'readwrite', async (transaction) => {
      await transaction.objectStore('records').put('1', 'a')
      throw new Error('changed its mind')
    })
    await expect(failing).rejects.toThrow('changed its mind')
    expect(await (await indexedDbStorage(name)).getItem('a')).toBeNull()
  })

  it('goes on after another window had the connection closed', async () => {
    const name = freshName()
    const storage = await indexedDbStorage(name)
    await storage.setItem('a', '1')
    // A newer version of the app starts to change the database and gives up.
    const change = openDB(name, 99, {
      upgrade: (_database, _from, _to, transaction) => {
        transaction.done.catch(() => undefined)
        transaction.abort()
      },
    })
    await expect(change).rejects.toMatchObject({ name: 'AbortError' })
    await storage.setItem('b', '2')
    expect([await storage.getItem('a'), await storage.getItem('b')]).toEqual(['1', '2'])
  })

  it('refuses once a newer version of the app has changed the database, and holds it up no longer', async () => {
    const name = freshName()
    const storage = await indexedDbStorage(name)
    const newer = await openDB(name, 99)
    await expect(storage.setItem('a', '1')).rejects.toMatchObject({ name: 'VersionError' })
    await expect(storage.getItem('a')).rejects.toMatchObject({ name: 'VersionError' })
    newer.close()
  })

  it('never writes into a database that took the place of one that was deleted', async () => {
    const name = freshName()
    const storage = await indexedDbStorage(name)
    await storage.setItem('a', '1')
    await deleteDB(name)
    await expect(storage.setItem('b', '2')).rejects.toThrow('forgotten')
    const anew = await indexedDbStorage(name)
    expect([await anew.getItem('a'), await anew.getItem('b')]).toEqual([null, null])
    await expect(storage.getItem('a')).rejects.toThrow('forgotten')
  })

  it('never writes into a database that the person cleared under it', async () => {
    const storage = await indexedDbStorage(freshName())
    await storage.setItem('a', '1')
    await session().send('Storage.clearDataForOrigin', { origin: location.origin, storageTypes: 'indexeddb' })
    // It may still be on its way when the database goes: then it is aborted, and says no more than that.
    await expect(storage.setItem('b', '2')).rejects.toThrow(/deleted|aborted/)
    await expect(storage.setItem('b', '2')).rejects.toThrow('deleted')
  })

  it('refuses after it was closed', async () => {
    const storage = await indexedDbStorage(freshName())
    storage.close()
    await expect(Promise.resolve(storage.setItem('a', '1'))).rejects.toThrow('closed')
  })
})

const session = () => cdp() as unknown as { send(method: string, params: object): Promise<unknown> }
