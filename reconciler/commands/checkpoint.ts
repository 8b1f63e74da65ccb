import { parseArgs } from 'node:util'
import { InvalidConfig, parseBookConfig } from '../config.ts'
import { writeCheckpoint } from '../verify/checkpoint.ts'
import { checkpointKeys } from '../verify/checkpoint-key.ts'
import { type Command, withPool } from './command.ts'

export const checkpoint: Command = {
  summary: 'sign where the audit chains stand now, into the file of checkpoints',
  help: `usage: checkpoint [--json]

READ_DATABASE_URL, CHECKPOINT_FILE, CHECKPOINT_KEY (JWK with its private part). \`run\` does this each day by itself when both are
set; \`verify\` holds the chains against the file.`,

  async run(args, terminal) {
    const { values } = parseArgs({ args: [...args], options: { json: { type: 'boolean', default: false } } })
    const { login, checkpoints } = parseBookConfig({ ...terminal.env, CHECKPOINT_PUBLIC_KEY: undefined })
    if (checkpoints === undefined) throw new InvalidConfig('CHECKPOINT_FILE is not set')
    const { sign, verify } = await checkpointKeys(checkpoints.key)
    if (sign === undefined) throw new InvalidConfig('CHECKPOINT_KEY has no private part')
    const written = await withPool(login, (pool) =>
      writeCheckpoint(pool, checkpoints.file, { sign, verify }, new Date(terminal.clock())),
    )
    if (written === undefined) throw new Error('no checkpoint was written')
    const { no, at, totals, heads } = written
    terminal.print(
      values.json
        ? JSON.stringify({ no, at, totals, streams_grown: heads.length })
        : `checkpoint ${no}: ${heads.length} streams grew, ${totals['audit_records']} audit records in all`,
    )
    return 0
  },
}
