import { parseArgs } from 'node:util'
import { localKeys } from '../../src/crypto/local-keys.ts'
import { consentCodes } from '../codes/code.ts'
import { InvalidConfig, parseBookConfig } from '../config.ts'
import type { Finding } from '../verify/check.ts'
import { checkpointKeys } from '../verify/checkpoint-key.ts'
import { type Verification, verifyBook } from '../verify/verify.ts'
import { type Command, InvalidCall, positiveInteger, withPool } from './command.ts'

export const verify: Command = {
  summary: 'check every invariant over the whole book; exit 1 when something is wrong',
  help: `usage: verify [--sample <n> | --without-evidence] [--show <n>] [--json]

  --sample <n>        open a random sample of the bundles, and check their signatures, instead of all of them
  --without-evidence  open none, where the edge's keys are not at hand
  --show <n>          examples of each fault (20)
  --json              one JSON document

READ_DATABASE_URL; EDGE_KEYS, KEY_WRAPPING_SECRET and CONSENT_CODE_KEY to open the evidence; with CHECKPOINT_FILE and CHECKPOINT_PUBLIC_KEY
(or CHECKPOINT_KEY) the audit chains are held against their checkpoints. Reads one snapshot; reconcilers may go on.`,

  async run(args, terminal) {
    const { values } = parseArgs({
      args: [...args],
      options: {
        sample: { type: 'string' },
        'without-evidence': { type: 'boolean', default: false },
        show: { type: 'string', default: '20' },
        json: { type: 'boolean', default: false },
      },
    })
    const sample = values.sample === undefined ? undefined : positiveInteger(values.sample, '--sample')
    const openNone = values['without-evidence']
    if (openNone && sample !== undefined) throw new InvalidCall('--sample or --without-evidence')
    const examplesMax = positiveInteger(values.show, '--show')
    const config = parseBookConfig(terminal.env)
    // A book whose evidence nobody looked at must not pass for a sound one by an oversight.
    const { keys, codeKeys } = config
    if (!openNone && !(keys && codeKeys)) {
      throw new InvalidConfig('EDGE_KEYS, KEY_WRAPPING_SECRET and CONSENT_CODE_KEY, or --without-evidence')
    }
    const evidence =
      openNone || !keys || !codeKeys
        ? undefined
        : { keys: await localKeys(keys.edgeKeys, keys.wrappingSecret), codes: await consentCodes(codeKeys) }
    const checkpoints = config.checkpoints && {
      file: config.checkpoints.file,
      key: (await checkpointKeys(config.checkpoints.key)).verify,
    }
    const verification = await withPool(config.login, (pool) =>
      verifyBook({
        pool,
        examplesMax,
        onProgress: ({ label, done, total }) => terminal.progress(label, done, total),
        ...(sample !== undefined && { sample }),
        ...(evidence && { evidence }),
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
  return [...lines, '', sound ? soundText(findings) : `${wrong} of ${findings.length} checks failed`].join('\n')
}

function soundText(findings: readonly Finding[]): string {
  const skipped = findings.filter((finding) => finding.skipped !== undefined).map(({ check }) => check)
  return skipped.length === 0
    ? 'the book is sound'
    : `sound as far as it was checked; not checked: ${skipped.join(', ')}`
}

function linesOf({ check, promise, found, examples, skipped }: Finding): string[] {
  const name = check.padEnd(22)
  if (skipped !== undefined) return [`-  ${name} skipped: ${skipped}`]
  if (found === 0) return [`✓  ${name} ${promise}`]
  const shown = examples.map((example) => `     ${JSON.stringify(example)}`)
  if (found > examples.length) shown.push(`     … and ${found - examples.length} more`)
  return [`✗  ${name} ${found} times not: ${promise}`, ...shown]
}
