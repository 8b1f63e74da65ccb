import pg from 'pg'
import type { Command, Terminal } from '../../../reconciler/commands/command.ts'
import { isInvalidCall } from '../../../reconciler/commands/command.ts'
import type { World } from '../kit.ts'

export interface Called {
  readonly code: number
  readonly output: string
  readonly progress: readonly string[]
}

/** Runs a command in this process, as main.ts does. */
export async function call(
  command: Command,
  args: readonly string[],
  world: World,
  over: object = {},
): Promise<Called> {
  const output: string[] = []
  const progress: string[] = []
  const terminal: Terminal = {
    env: { ...world.env, ...over },
    fetch: world.network.fetch,
    clock: () => world.now,
    random: () => 0.5,
    stopSignal: () => new AbortController().signal,
    print: (text) => void output.push(text),
    progress: (label, done, total) => void progress.push(`${done}/${total} ${label}`),
    clear: () => undefined,
  }
  try {
    return { code: await command.run(args, terminal), output: output.join('\n'), progress }
  } catch (error) {
    if (!isInvalidCall(error)) throw error
    return { code: 2, output: error.message, progress }
  }
}

/** What somebody with every right can do to the database: triggers, permissions and constraints do not stop him. */
export async function tamper(ownerUrl: string, sql: string): Promise<void> {
  const admin = new pg.Client(ownerUrl.replace(/\/\/[^@]*@/, '//postgres:molam@'))
  await admin.connect()
  try {
    // Triggers do not fire for a replica; constraints are dropped by name where a test needs it.
    await admin.query(`BEGIN; SET LOCAL session_replication_role = replica; ${sql}; COMMIT`)
  } finally {
    await admin.end()
  }
}
