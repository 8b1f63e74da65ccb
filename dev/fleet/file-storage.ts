import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Storage } from '../../src/device/sdk/index.ts'

/** A device's storage as one file a key, each written whole or not at all. */
export function fileStorage(dir: string): Storage {
  mkdirSync(dir, { recursive: true })
  const path = (key: string) => join(dir, encodeURIComponent(key))
  return {
    getItem(key) {
      try {
        return readFileSync(path(key), 'utf8')
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
        throw error
      }
    },
    setItem(key, value) {
      writeFileSync(`${path(key)}.new`, value)
      renameSync(`${path(key)}.new`, path(key))
    },
    removeItem: (key) => rmSync(path(key), { force: true }),
  }
}
