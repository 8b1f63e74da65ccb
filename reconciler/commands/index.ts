import { accounts } from './accounts.ts'
import { checkpoint } from './checkpoint.ts'
import type { Command } from './command.ts'
import { migrate } from './migrate.ts'
import { once } from './once.ts'
import { rebuild } from './rebuild.ts'
import { release } from './release.ts'
import { replay } from './replay.ts'
import { report } from './report.ts'
import { resume } from './resume.ts'
import { run } from './run.ts'
import { shortfalls } from './shortfalls.ts'
import { status } from './status.ts'
import { verifier } from './verifier.ts'
import { verify } from './verify.ts'

export const COMMANDS: Readonly<Record<string, Command>> = {
  ...{ run, once, migrate },
  ...{ status, verify, verifier, report, shortfalls },
  ...{ release, replay, rebuild, resume, checkpoint, accounts },
}
