import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { rebuild } from '../../../reconciler/commands/rebuild.ts'
import { importHmacKey, readServiceClaim, SERVICE_HEADER, verifyServiceCall } from '../../../src/crypto/hmac.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, type World } from '../kit.ts'
import { call } from './kit.ts'

/** The operator's command: all devices of the registry, resumable, and nothing that nobody signed for. */
const db = useDatabase()
let world: World
let ids: string[]
let asked: URLSearchParams[]
let edge: (query: URLSearchParams) => Response
const done = (over: object = {}) => Response.json({ registered: true, removed: 0, written: 1, next: null, ...over })

beforeAll(async () => {
  world = await makeWorld(db())
  const devices = [await world.device(), await world.device(), await world.device()]
  for (const device of devices) world.network.send(world.facts(device))
  await world.settle()
  ids = devices.map(({ id }) => String(id)).sort()
})
afterAll(() => world.close())
beforeEach(() => {
  asked = []
  edge = () => done()
})

async function run(...args: string[]) {
  const key = await importHmacKey(fromBase64url(String(world.env['INTERNAL_HMAC_KEY'])))
  const fetch: typeof globalThis.fetch = async (input, init) => {
    const request = new Request(input, init)
    const { pathname, search, searchParams } = new URL(request.url)
    const claim = readServiceClaim(request.headers.get(SERVICE_HEADER), world.now)
    const signed = { method: 'POST', path: pathname + search, body: new Uint8Array() }
    expect(claim && (await verifyServiceCall(key, signed, claim))).toBe(true)
    asked.push(searchParams)
    return edge(searchParams)
  }
  return call(rebuild, args, { ...world, network: { ...world.network, fetch } } as unknown as World)
}
const devices = () => asked.map((query) => query.get('device_id'))

test('every device of the registry, in the order of ids, under one run and with the name of who asks', async () => {
  const { code, output } = await run('--all', '--by', 'awa')
  expect(code).toBe(0)
  expect(devices()).toEqual(ids)
  expect(new Set(asked.map((query) => query.get('run'))).size).toBe(1)
  expect(asked.every((query) => query.get('by') === 'operator:awa')).toBe(true)
  expect(output).toContain('3 devices made again: 0 rows were wrong, 3 written')
})

test('a device piece by piece, with the counts so far', async () => {
  edge = (query) =>
    query.get('seq') === null
      ? done({ removed: 2, written: 5, next: { seq: 100, audit_id: 7 } })
      : done({ removed: 2, written: 9 })
  const { output } = await run('--device', ids[1] ?? '', '--by', 'awa', '--json')
  expect(Object.fromEntries(asked[1] ?? [])).toMatchObject({ seq: '100', audit_id: '7', removed: '2', written: '5' })
  expect(JSON.parse(output)).toMatchObject({ devices: 1, removed: 2, written: 9, failed: null })
})

test('a call that fails is made again; when the edge stays away it says where to go on', async () => {
  let failures = 2
  edge = () => (failures-- > 0 ? new Response('', { status: 503 }) : done())
  expect((await run('--all', '--by', 'awa')).code).toBe(0)
  expect(devices()).toEqual([ids[0], ids[0], ...ids])
  edge = (query) => (query.get('device_id') === ids[1] ? new Response('', { status: 503 }) : done())
  const { code, output } = await run('--all', '--by', 'awa')
  expect(code).toBe(1)
  expect(output).toContain(`go on with --all --after ${ids[0]}`)
  asked = []
  edge = () => done()
  expect((await run('--all', '--after', ids[0] ?? '', '--by', 'awa')).code).toBe(0)
  expect(devices()).toEqual(ids.slice(1))
})

test('a device that no object knows is named', async () => {
  edge = () => done({ registered: false, removed: 3, written: 0 })
  expect((await run('--device', 'POS-NOBODY', '--by', 'awa')).output).toContain(
    'POS-NOBODY has no object: its rows are gone',
  )
})

test.each([
  [['--by', 'awa']],
  [['--all', '--device', 'POS-1', '--by', 'awa']],
  [['--device', 'POS-1', '--after', 'POS-0', '--by', 'awa']],
  [['--all']],
])('%j makes no sense', async (args) => {
  expect((await run(...args)).code).toBe(2)
  expect(asked).toEqual([])
})
