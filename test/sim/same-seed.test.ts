import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { runOnThreads } from '../../sim/threads.ts'

const JOB = { tier: 'shallow', operations: 30, faults: 10, realEvery: 4 } as const
const SEEDS = [1, 2, 3, 4, 5, 6, 7, 8]

/** @returns digests of traces by seed */
async function digestsOf(seeds: readonly number[], threads: number): Promise<Record<number, string>> {
  const left = [...seeds]
  const digests: Record<number, string> = {}
  const next = () => left.shift()
  await runOnThreads(JOB, threads, next, ({ seed, digest }) => {
    digests[seed] = digest
  })
  return digests
}

/** @returns the digest of a seed that a process of its own lived through */
async function digestAlone(seed: number): Promise<string | undefined> {
  const { stdout } = await promisify(execFile)(process.execPath, ['sim/main.ts', '--seed', String(seed)])
  return /^trace (\w{64})$/m.exec(stdout)?.[1]
}

test('a seed has one trace: after others, before them, beside them, and alone', { timeout: 300_000 }, async () => {
  const inOrder = await digestsOf(SEEDS, 1)
  expect(new Set(Object.values(inOrder)).size).toBe(SEEDS.length)
  expect(await digestsOf(SEEDS.toReversed(), 1)).toEqual(inOrder)
  expect(await digestsOf(SEEDS, 2)).toEqual(inOrder)
  // The command computes no signature for real in a shallow run.
  for (const seed of [5, 7]) expect(await digestAlone(seed)).toBe(inOrder[seed])
})
