import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const ATTACKS = [
  ...['stolen till', 'emptied wallet', 'collusion of shop and payer', 'clone', 'structuring under a limit'],
  ...['backdating', 'mule collecting', 'farmed reputation'],
]

test('bench:risk lives its months to their end, with every attack', { timeout: 600_000 }, async () => {
  const out = await mkdtemp(join(tmpdir(), 'molam-bench-'))
  try {
    await promisify(execFile)(process.execPath, ['bench/risk.ts', '--quick', '--out', out])
    const table = await readFile(join(out, 'risk.md'), 'utf8')
    for (const honest of ['first day', 'later', 'backlog']) expect(table).toMatch(new RegExp(`^\\| ${honest} \\|`, 'm'))
    for (const attack of ATTACKS) expect(table).toContain(`| **${attack}** |`)
    expect(table).not.toMatch(/NaN|undefined|Infinity/)
  } finally {
    await rm(out, { recursive: true, force: true })
  }
})
