import { execFile } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

test('bench:device measures every figure to its end', { timeout: 600_000 }, async () => {
  const out = await mkdtemp(join(tmpdir(), 'molam-bench-'))
  try {
    await promisify(execFile)(process.execPath, ['bench/device.ts', '--quick', '--out', out])
    const { rows } = JSON.parse(await readFile(join(out, 'device.json'), 'utf8'))
    expect(rows).toHaveLength(12)
  } finally {
    await rm(out, { recursive: true, force: true })
  }
})
