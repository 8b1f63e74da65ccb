import { statSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { lockDirectory } from './lock.ts'

/** The pages, built for people who try them. */
const root = join(import.meta.dirname, '..')
const DIST = join(root, 'dist')
/** What the pages are made of. */
const SOURCES = ['src/web', 'src/ui', 'src/device', 'src/crypto', 'src/protocol']
const MADE_BY = ['vite.page.ts', 'vite.config.ts', 'vite.wallet.config.ts', 'package-lock.json']
const CONFIGS = ['vite.config.ts', 'vite.wallet.config.ts']
/** Written last: while it is there, so is all the rest. */
const LAST = join(DIST, 'web/wallet/sw.js')
const LOCK_EVERY_MS = 100

/** Builds the pages when they are missing or older than what they are made of. Two at once: the second waits and finds it built. */
export async function buildPages(): Promise<void> {
  const unlock = await waitForLock()
  try {
    if (modifiedMs(LAST) > (await newestSourceMs())) return
    const { build } = await import('vite')
    await inProduction(async () => {
      for (const config of CONFIGS) await build({ configFile: join(root, config), logLevel: 'warn' })
    })
  } finally {
    unlock()
  }
}

/** Vite goes by this variable, and a test runner has set it: the pages would have React's half of a megabyte for developers in them. */
async function inProduction(run: () => Promise<void>): Promise<void> {
  const { NODE_ENV } = process.env
  process.env['NODE_ENV'] = 'production'
  try {
    await run()
  } finally {
    if (NODE_ENV === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = NODE_ENV
  }
}

async function newestSourceMs(): Promise<number> {
  const folders = await Promise.all(
    SOURCES.map(async (folder) =>
      (await readdir(join(root, folder), { recursive: true })).map((at) => join(folder, at)),
    ),
  )
  return Math.max(...[...MADE_BY, ...folders.flat()].map((path) => modifiedMs(join(root, path))))
}

const modifiedMs = (path: string) => statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? 0

async function waitForLock(): Promise<() => void> {
  for (;;) {
    const unlock = lockDirectory(DIST)
    if (unlock !== undefined) return unlock
    await new Promise((resolve) => setTimeout(resolve, LOCK_EVERY_MS))
  }
}
