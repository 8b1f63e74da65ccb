import { beforeEach, describe, expect, it } from 'vitest'
import { type CounterRow, FLUSH_MS, IsolateCounters } from '../../../src/edge/metrics/isolate-counters.ts'

/** A table of rows as D1 keeps them: the higher rev stays. */
const MINUTE = 60_000
let rows: Map<string, CounterRow>
let counters: IsolateCounters
let nowMs = 0

beforeEach(() => {
  rows = new Map()
  nowMs = 1_000_000
  let next = 0
  counters = new IsolateCounters(() => `row-${next++}`)
})

async function write(row: CounterRow): Promise<void> {
  if (row.rev > (rows.get(row.id)?.rev ?? 0)) rows.set(row.id, structuredClone(row))
}
const total = (series: string) => [...rows.values()].reduce((sum, { counts }) => sum + (counts[series] ?? 0), 0)
const down = async () => {
  throw new Error('D1 is down')
}
/** The row was written and nobody was told. */
const lostAnswer = async (row: CounterRow) => {
  await write(row)
  throw new Error('timed out')
}

it('what is counted is written, once', async () => {
  counters.add('a')
  counters.add('b', 3)
  expect(await counters.flush(write, nowMs)).toBe(true)
  counters.add('a')
  await counters.flush(write, nowMs)
  expect([total('a'), total('b'), rows.size]).toEqual([2, 3, 1])
})

it('is due when something was counted, and every 10 s at the most', async () => {
  expect(counters.isDue(nowMs)).toBe(false)
  counters.add('a')
  expect(counters.isDue(nowMs)).toBe(true)
  await counters.flush(write, nowMs)
  counters.add('a')
  expect(counters.isDue(nowMs + FLUSH_MS - 1)).toBe(false)
  expect(counters.isDue(nowMs + FLUSH_MS)).toBe(true)
})

it('a write that failed is made up for by the next, and one whose answer was lost is not counted twice', async () => {
  counters.add('a')
  expect(await counters.flush(down, nowMs)).toBe(false)
  counters.add('a')
  expect(await counters.flush(lostAnswer, nowMs)).toBe(false)
  expect(total('a')).toBe(2)
  expect(counters.isDue(nowMs + FLUSH_MS)).toBe(true)
  await counters.flush(write, nowMs + FLUSH_MS)
  expect(total('a')).toBe(2)
})

it('writes that overtake each other leave the later one', async () => {
  const late: (() => Promise<void>)[] = []
  counters.add('a')
  const first = counters.flush((row) => new Promise((done) => late.push(async () => write(row).then(done))), nowMs)
  counters.add('a')
  await counters.flush(write, nowMs)
  await late[0]?.()
  await first
  expect(total('a')).toBe(2)
})

describe('a row ends after half an hour', () => {
  it('and the next one begins with what was counted meanwhile', async () => {
    counters.add('a', 5)
    await counters.flush(write, nowMs)
    counters.add('a', 2)
    const release = Promise.withResolvers<void>()
    const flushing = counters.flush((row) => release.promise.then(() => write(row)), nowMs + 29 * MINUTE)
    counters.add('a')
    release.resolve()
    await flushing
    await counters.flush(write, nowMs + 30 * MINUTE)
    expect([rows.get('row-0')?.counts, rows.get('row-1')?.counts]).toEqual([{ a: 7 }, { a: 1 }])
    expect(total('a')).toBe(8)
  })

  it('and is not written to later, whatever D1 does and however long nobody asked: it may have been added up for good', async () => {
    counters.add('a')
    await counters.flush(lostAnswer, nowMs)
    counters.add('a')
    await counters.flush(lostAnswer, nowMs + 29 * MINUTE)
    for (const minutes of [45, 50, 300]) {
      counters.add('a')
      await counters.flush(write, nowMs + minutes * MINUTE)
    }
    expect([...rows.values()].map(({ id, counts }) => [id, counts])).toEqual([
      ['row-0', { a: 2 }],
      ['row-1', { a: 2 }],
      ['row-2', { a: 1 }],
    ])
    expect(total('a')).toBe(5)
  })
})
