import { createExecutionContext, env, waitOnExecutionContext } from 'cloudflare:test'
import { afterEach, expect, it, vi } from 'vitest'
import { app } from '../../../src/edge/app.ts'
import { bindings, fetchWith, ORIGIN, SELF } from '../kit.ts'

const never = () => new Promise<never>(() => undefined)
const fails = () => Promise.reject(new Error('W-SECRET at 221770001122'))
const queue = (metrics: () => Promise<never>) => ({ metrics }) as unknown as Queue<never>
afterEach(() => vi.restoreAllMocks())

it('/healthz asks nothing and nobody', async () => {
  const nothing = { DB: undefined, DEVICE: undefined, SETTLE_QUEUE: undefined } as object
  expect((await fetchWith(nothing, '/healthz', {})).status).toBe(200)
})

it('/readyz is ready when everything answers, and stores nothing', async () => {
  const response = await SELF.fetch(`${ORIGIN}/readyz`)
  expect(await response.json()).toEqual({
    status: 'ok',
    checks: { d1: 'ok', keys: 'ok', settle_queue: 'ok', index_queue: 'ok', devices: 'ok' },
  })
  expect(response.status).toBe(200)
  const object = env.DEVICE as DurableObjectNamespace
  const { runInDurableObject } = await import('cloudflare:test')
  const empty = await runInDurableObject(object.get(object.idFromName('~readyz')), (_, state) =>
    state.storage.sql.exec("SELECT name FROM sqlite_master WHERE name NOT LIKE '\\_cf\\_%' ESCAPE '\\'").toArray(),
  )
  expect(empty).toEqual([])
})

const D1 = (first: () => Promise<never>) => ({ prepare: () => ({ first }) }) as unknown as D1Database
const objects = (identity: () => Promise<never>) =>
  ({ idFromName: () => ({}), get: () => ({ identity }) }) as unknown as typeof bindings.DEVICE
it.each([
  ['d1', 'failed', { DB: D1(fails) }],
  ['d1', 'timeout', { DB: D1(never) }],
  ['keys', 'failed', { KEY_WRAPPING_SECRET: 'A'.repeat(43) }],
  ['keys', 'failed', { EDGE_KEYS: '{}' }],
  ['settle_queue', 'failed', { SETTLE_QUEUE: queue(fails) }],
  ['index_queue', 'timeout', { INDEX_QUEUE: queue(never) }],
  ['devices', 'failed', { DEVICE: objects(fails) }],
  ['devices', 'timeout', { DEVICE: objects(never) }],
] as const)('/readyz answers 503 when %s has %s, and names nothing else', async (check, state, over) => {
  vi.spyOn(console, 'error').mockImplementation(() => undefined)
  const response = await fetchWith(over as object, '/readyz', {})
  expect(response.status).toBe(503)
  const text = await response.text()
  const { status, checks } = JSON.parse(text) as { status: string; checks: Record<string, string> }
  expect(status).toBe('not_ready')
  expect(Object.entries(checks).filter(([, found]) => found !== 'ok')).toEqual([[check, state]])
  expect(text).not.toContain('SECRET')
})

it('probes at the same time ask the parts once, also while one of them does not answer', async () => {
  let asked = 0
  const hanging = () => {
    asked++
    return never()
  }
  const own = { ...bindings, DB: D1(hanging) }
  const probe = async () => {
    const context = createExecutionContext()
    const response = await app.fetch(new Request(`${ORIGIN}/readyz`), own, context)
    await waitOnExecutionContext(context)
    return [response.status, ((await response.json()) as { checks: { d1: string } }).checks.d1]
  }
  const answers = await Promise.all(Array.from({ length: 20 }, probe))
  expect(answers).toEqual(answers.map(() => [503, 'timeout']))
  expect(asked).toBe(1)
})

it('a flood of probes asks the parts once in two seconds', async () => {
  let asked = 0
  const DB = { prepare: () => ({ first: async () => asked++ }) } as unknown as D1Database
  const own = { ...bindings, DB }
  for (let n = 0; n < 20; n++) await app.fetch(new Request(`${ORIGIN}/readyz`), own, createExecutionContext())
  expect(asked).toBe(1)
})
