import { checkpoint } from './checkpoint.ts'
import type { Command } from './command.ts'
import { owed } from './owed.ts'
import { release } from './release.ts'
import { replay } from './replay.ts'
import { report } from './report.ts'
import { status } from './status.ts'
import { verify } from './verify.ts'

/** Everything but running and migrating. */
export const COMMANDS: Readonly<Record<string, Command>> = { status, verify, report, owed, release, replay, checkpoint }
