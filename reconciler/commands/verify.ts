import { parseArgs } from 'node:util'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { checkpointKeys } from '../checkpoint-key.ts'
import { parseBookConfig } from '../config.ts'
import type { Finding } from '../verify/check.ts'
import { type Verification, verifyBook } from '../verify/verify.ts'
import { type Command, positiveInteger, withPool } from './command.ts'

const SAMPLE = 1000

export const verify: Command = {
  summary: 'check every invariant over the whole book; exit 1 when something is wrong',
  help: `usage: verify [--full | --sample <n>] [--show <n>] [--json]

  --full        check the signatures and contents of all bundles, not of a random ${SAMPLE}
  --sample <n>  of so many
  --show <n>    examples of each fault (20)
  --json        one JSON document

DATABASE_URL; with EDGE_KEYS and KEY_WRAPPING_SECRET bundles are opened, with CHECKPOINT_FILE and CHECKPOINT_PUBLIC_KEY
(or CHECKPOINT_KEY) the audit chains are held against their checkpoints. Reads one snapshot; reconcilers may go on.`,

  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        full: { type: 'boolean', default: false },
        sample: { type: 'string', default: String(SAMPLE) },
        show: { type: 'string', default: '20' },
        json: { type: 'boolean', default: false },
      },
    })
    const sample = positiveInteger(values.sample, '--sample')
    const examplesMax = positiveInteger(values.show, '--show')
    const config = parseBookConfig(terminal.env)
    const keys = config.keys && (await localKeys(config.keys.edgeKeys, config.keys.wrappingSecret))
    const checkpoints = config.checkpoints && {
      file: config.checkpoints.file,
      key: (await checkpointKeys(config.checkpoints.key)).verify,
    }
    const verification = await withPool(config.databaseUrl, (pool) =>
      verifyBook({
        pool,
        examplesMax,
        onProgress: ({ label, done, total }) => terminal.progress(label, done, total),
        ...(!values.full && { sample }),
        ...(keys && { keys }),
        ...(checkpoints && { checkpoints }),
      }),
    )
    terminal.clear()
    terminal.print(values.json ? JSON.stringify(verification) : text(verification))
    return verification.sound ? 0 : 1
  },
}

function text({ sound, findings, waiting }: Verification): string {
  const lines = findings.flatMap(linesOf)
  if (waiting.length > 0) lines.push('', 'waiting:', ...waiting.map(({ what, count }) => `  ${count} ${what}`))
  const wrong = findings.filter(({ found }) => found > 0).length
  return [...lines, '', sound ? 'the book is sound' : `${wrong} of ${findings.length} checks failed`].join('\n')
}

function linesOf({ check, promise, found, examples, skipped }: Finding): string[] {
  const name = check.padEnd(22)
  if (skipped !== undefined) return [`-  ${name} skipped: ${skipped}`]
  if (found === 0) return [`✓  ${name} ${promise}`]
  const shown = examples.map((example) => `     ${JSON.stringify(example)}`)
  if (found > examples.length) shown.push(`     … and ${found - examples.length} more`)
  return [`✗  ${name} ${found} times not: ${promise}`, ...shown]
}
