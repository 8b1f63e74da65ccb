import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { lockDirectory, lockHolder } from './lock.ts'

/** The message says all that there is to say. */
export class CannotStart extends Error {}

/** Where one `npm start` runs: its state, and the ports that it takes when they are free. */
export interface Place {
  readonly dataDir: string
  readonly ports: { readonly edge: number; readonly queue: number; readonly issuer: number; readonly postgres: number }
  /** Gives the directory back; whatever ends the process does it too. */
  leave(): void
}

const PLACES = 5
const PORTS = { edge: 8787, queue: 8788, issuer: 8789, postgres: 54329 }
const APART = 10

/**
 * The first place that nobody runs at: `.data` and the ports of the README, then `.data-2` and ports that are ten higher.
 *
 * @throws CannotStart that says what to do when all are taken
 */
export function takePlace(root: string): Place {
  const dataDirs = Array.from({ length: PLACES }, (_, at) => join(root, at === 0 ? '.data' : `.data-${at + 1}`))
  for (const [at, dataDir] of dataDirs.entries()) {
    const leave = lockDirectory(dataDir)
    if (leave === undefined) continue
    const { edge, queue, issuer, postgres } = PORTS
    const by = at * APART
    return {
      dataDir,
      ports: { edge: edge + by, queue: queue + by, issuer: issuer + by, postgres: postgres + by },
      leave,
    }
  }
  const holders = dataDirs.map(lockHolder).join(', ')
  throw new CannotStart(`${PLACES} of these run here already: stop one of the processes ${holders} first`)
}

/** What the state in a place is laid out by. Before the first release migrations change in place, and nothing is upgraded. */
const LAYOUT = ['migrations/edge', 'migrations/ledger', 'durable-objects/device/sql']

/**
 * Makes sure that the state there is one that this version of the code can read.
 *
 * @param reset clears it instead
 * @throws CannotStart that says how to clear it
 */
export function checkState(root: string, { dataDir }: Pick<Place, 'dataDir'>, reset: boolean): void {
  const made = join(dataDir, 'layout')
  const layout = layoutOf(root)
  if (reset) clear(dataDir)
  else if (existsSync(made) ? readFileSync(made, 'utf8') !== layout : stateIn(dataDir).length > 0) {
    const name = relative(root, dataDir)
    throw new CannotStart(`${name} was made by another version of the code: npm start -- --reset clears it`)
  }
  writeFileSync(made, layout)
}

function clear(dataDir: string): void {
  for (const name of stateIn(dataDir)) rmSync(join(dataDir, name), { recursive: true })
}

const stateIn = (dataDir: string) => readdirSync(dataDir).filter((name) => !name.startsWith('lock'))

function layoutOf(root: string): string {
  const hash = createHash('sha256')
  for (const folder of LAYOUT) {
    const files = readdirSync(join(root, folder)).filter((name) => /\.(sql|ts)$/.test(name))
    for (const name of files.sort()) hash.update(`${name}\n`).update(readFileSync(join(root, folder, name)))
  }
  return hash.digest('hex')
}
