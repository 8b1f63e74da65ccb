import { expect, it } from 'vitest'
import type { NonsenseAnswer } from '../../dev/sira.ts'
import type { Result } from '../../src/protocol/result.ts'
import { combine } from '../../src/risk/judge.ts'
import { assessLocally } from '../../src/risk/local.ts'
import type { RemoteFailure } from '../../src/risk/score.ts'
import type { SiraClient } from '../../src/risk/sira-client.ts'
import corpus from '../attacks/inputs/sira-answers.json' with { type: 'json' }
import { bundle, DEVICE, input, NOW_MS, payment, siraKit } from './kit.ts'

/** Every answer of the corpus, sent over a real socket, is an error value, and never a score. */
type Entry = NonsenseAnswer & { name: string; operation: string; expect: RemoteFailure }
const entries = corpus as unknown as Entry[]

const one = { deviceId: DEVICE, country: 'SN' as const, payment: payment({ counter: 1 }) }
const two = { ...one, payment: payment({ counter: 2 }) }

const CALLS: Record<string, (client: SiraClient) => Promise<Result<unknown, RemoteFailure>>> = {
  bundle: (client) => client.scoreBundle(bundle(), 'r-1'),
  transaction: (client) => client.scoreTransaction(one, 'r-1'),
  bulk: async (client) => {
    const results = await client.scoreBulk(
      [
        { kind: 'bundle', bundle: bundle() },
        { kind: 'transaction', transaction: two },
      ],
      'r-1',
    )
    // All or none: nothing says which part of a wrong answer would be right.
    expect(new Set(results.map((result) => JSON.stringify(result))).size).toBe(1)
    return results[0] as Result<unknown, RemoteFailure>
  },
  reputation: (client) => client.deviceReputation(DEVICE, 'r-1'),
  escalation: (client) =>
    client.escalate(
      {
        id: 'POS-001/3',
        kind: 'chain_fork',
        deviceId: DEVICE,
        country: 'SN',
        seq: 7,
        atMs: NOW_MS,
        digests: [],
      },
      'r-1',
    ),
}

it('the corpus holds at least 25 answers to a bundle, and some to every operation', () => {
  expect(entries.filter(({ operation }) => operation === 'bundle').length).toBeGreaterThanOrEqual(25)
  expect(new Set(entries.map(({ operation }) => operation))).toEqual(new Set(Object.keys(CALLS)))
  expect(new Set(entries.map(({ name }) => name)).size).toBe(entries.length)
})

it.each(entries)('$name', async (entry) => {
  await using kit = await siraKit()
  kit.server.mode = { kind: 'nonsense', answers: [entry] }
  const result = await CALLS[entry.operation]?.(kit.client)
  expect(result).toEqual({ ok: false, error: entry.expect })
  // It was asked once: neither redirects nor repeats.
  expect(kit.server.requests).toHaveLength(1)
  expect(kit.observed).toEqual([{ operation: entry.operation, latencyMs: 0, outcome: entry.expect.reason }])
})

it('an answer that is nonsense leaves the local score, and says so', async () => {
  await using kit = await siraKit()
  kit.server.mode = { kind: 'nonsense', answers: [{ body: '{"score":0}' }] }
  const local = assessLocally(input({ recentConflicts: 1 }))
  const { record } = combine(await kit.client.scoreBundle(bundle(), 'r-1'), local)
  expect(record).toMatchObject({ score: 0.2, scoredBy: 'local', fallback: 'invalid_answer' })
})
