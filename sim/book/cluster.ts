import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { PGlite, type PGliteOptions } from '@electric-sql/pglite'

const MODULES = new URL('../../node_modules/', import.meta.url)

/**
 * Opens a Postgres whose databases are empty. To make one takes many times as long as to open it, so its files are made once
 * and kept. The first process opens what it has just kept, too: how files came about must not matter to a run.
 */
export async function openCluster(options: PGliteOptions): Promise<PGlite> {
  const { version } = JSON.parse(await readFile(new URL('@electric-sql/pglite/package.json', MODULES), 'utf8'))
  const folder = new URL('.cache/molam-sim/', MODULES)
  const file = new URL(`cluster-${version}.tar`, folder)
  const files = await readFile(file).catch(async () => {
    const made = await makeCluster()
    // Threads and processes may do so at once: whoever reads finds a whole file.
    const own = new URL(`${crypto.randomUUID()}.tar`, folder)
    await mkdir(folder, { recursive: true })
    await writeFile(own, made)
    await rename(own, file)
    return made
  })
  return PGlite.create({ ...options, loadDataDir: new Blob([files]) })
}

async function makeCluster(): Promise<Buffer<ArrayBuffer>> {
  const db = await PGlite.create()
  // Nothing is left to recover from, so it begins the same each time.
  await db.exec('CHECKPOINT')
  const files = await db.dumpDataDir('none')
  await db.close()
  return Buffer.from(await files.arrayBuffer())
}
