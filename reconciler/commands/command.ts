import type pg from 'pg'
import type { Login } from '../config.ts'
import { openPool } from '../db.ts'

/** What a command is given of the process that it runs in. */
export interface Terminal {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly fetch: typeof globalThis.fetch
  readonly clock: () => number
  readonly random: () => number
  /** Aborted when the process is asked to end: from this call on, instead of ending at once. */
  stopSignal(): AbortSignal
  /** The result: for people, or one document for machines. */
  print(text: string): void
  /** How far long work is; shown to people only. */
  progress(label: string, done: number, total: number): void
  /** Takes the progress away before the result is printed. */
  clear(): void
}

export interface Command {
  readonly summary: string
  readonly help: string
  /** @returns the exit code: 0 done and in order, 1 not. @throws InvalidCall, or what `parseArgs` throws */
  run(args: readonly string[], terminal: Terminal): Promise<number>
}

/** The command was called with arguments that make no sense. */
export class InvalidCall extends Error {
  override name = 'InvalidCall'
}

/** Exit code 2 with the help, for anything that is wrong with the arguments. */
export function isInvalidCall(error: unknown): error is Error {
  const code = (error as { code?: unknown } | null)?.code
  return error instanceof InvalidCall || (typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS'))
}

export async function withPool<T>(login: Login, work: (pool: pg.Pool) => Promise<T>): Promise<T> {
  const pool = openPool(login, () => undefined)
  try {
    return await work(pool)
  } finally {
    await pool.end()
  }
}

export function positiveInteger(text: string, name: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value) || value < 1) throw new InvalidCall(`${name} is a positive number`)
  return value
}

/** Who does it, for the audit log: nothing is changed by hand without a name. */
export function operator(name: string | undefined): string {
  if (name === undefined || !/^[\x21-\x7e]{1,64}$/.test(name)) throw new InvalidCall('--by <name>: who does this')
  return `operator:${name}`
}
