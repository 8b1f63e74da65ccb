import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

/** What a run of the command said. A broken promise ends it with 1, and the seed is named. */
async function sim(...args: readonly string[]): Promise<{ readonly stdout: string; readonly code: number }> {
  return promisify(execFile)(process.execPath, ['sim/main.ts', ...args]).then(
    ({ stdout }) => ({ stdout, code: 0 }),
    ({ stdout, code }: { stdout: string; code: number }) => ({ stdout, code }),
  )
}

test('no promise is broken in 300 seeds of the model and 10 of the book', { timeout: 1_800_000 }, async () => {
  const shallow = await sim('--seeds', '300', '--jobs', '2')
  expect(shallow.stdout).toContain('300 seeds')
  expect(shallow, shallow.stdout).toMatchObject({ code: 0 })
  const deep = await sim('--tier', 'deep', '--seeds', '10', '--operations', '60')
  expect(deep.stdout).toContain('10 seeds')
  expect(deep, deep.stdout).toMatchObject({ code: 0 })
})

test('a planted fault is found, told as a story, and made small', { timeout: 1_800_000 }, async () => {
  const { stdout, code } = await sim('--mutant', 'retried-under-a-new-id', '--seeds', '50')
  expect(stdout).toMatch(/retried-under-a-new-id +seed \d+: /)
  expect(code).toBe(0)
})
