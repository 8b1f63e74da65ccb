import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('bench:edge measures every figure to its end', { timeout: 600_000 }, async () => {
  const out = await mkdtemp(join(tmpdir(), 'molam-bench-'))
  try {
    await promisify(execFile)(process.execPath, ['bench/edge.ts', '--smoke', '--out', out])
    const results = JSON.parse(await readFile(join(out, 'edge.json'), 'utf8'))
    expect(Object.keys(results)).toEqual(expect.arrayContaining(['fifty', 'one', 'paced', 'storage', 'scale']))
    expect(Object.keys(results.fifty.of)).toEqual(expect.arrayContaining(['bound', 'edge', 'peer']))
    expect(results.stillOwing).toBe(0)
    const table = await readFile(join(out, 'edge.md'), 'utf8')
    expect(table).not.toMatch(/NaN|undefined|Infinity/)
  } finally {
    await rm(out, { recursive: true, force: true })
  }
})
