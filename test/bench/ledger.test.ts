import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { FIGURES } from '../../bench/ledger/options.ts'

/** A rule that changes may well stop a bench, which nobody runs for weeks. */
test('bench:ledger measures every figure to its end', { timeout: 600_000 }, async () => {
  const out = await mkdtemp(join(tmpdir(), 'molam-bench-'))
  try {
    await promisify(execFile)(process.execPath, ['bench/ledger.ts', '--smoke', '--out', out])
    const { rows, options } = JSON.parse(await readFile(join(out, 'ledger.json'), 'utf8'))
    expect(options.only).toEqual(FIGURES)
    expect(rows).toHaveLength(14)
    for (const { value } of rows) expect(value).not.toContain('NaN')
    // How long it takes is for a quiet machine to say; what is planted is found on any.
    expect(rows.find(({ figure }: { figure: string }) => figure.startsWith('wrong postings')).value).toMatch(
      /^100 % of 2,/,
    )
  } finally {
    await rm(out, { recursive: true, force: true })
  }
})
