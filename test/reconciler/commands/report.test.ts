import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { report } from '../../../reconciler/commands/report.ts'
import { SERVICE_HEADER } from '../../../src/crypto/hmac.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { TestDevice } from '../../kit/device.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'
import { call, tamper } from './kit.ts'

const db = useDatabase()
let world: World
let shop: TestDevice
let agent: TestDevice
const DATE = '2027-03-04'
beforeAll(async () => {
  world = await makeWorld(db())
  // Benin is an hour ahead of UTC: this is the fourth of March there.
  world.now = Date.parse('2027-03-03T23:30:00Z')
  const payer = newWallet()
  const till = newWallet()
  await db().open(payer, 10_000)
  await db().open(till, 0, { kind: 'agent' })
  ;[shop, agent] = [await world.device(), await world.device('agent')]
  const at = { sender: payer, initiatedAtMs: world.now }
  const payments = [3000, 3000, 9000, 1000, 500].map((amount) => shop.payment({ ...at, amount: amountMinor(amount) }))
  world.network.send(
    world.facts(shop),
    world.facts(agent),
    await world.admit(shop, payments, [
      { counter: 4, decision: 'refused', reason: 'limit_exceeded' },
      { counter: 5, decision: 'review', reason: 'amount_review' },
    ]),
    await world.admit(agent, [agent.payment({ ...at, type: 'cashout', receiver: till, amount: amountMinor(700) })]),
  )
  const [first] = payments
  if (first)
    world.network.send(await world.admit(shop, [first], [{ counter: 1, decision: 'refused', reason: 'duplicate' }]))
  await (await world.reconciler()).once()
  // Before its device: it is received, and waits.
  const late = await world.device()
  world.network.send(await world.admit(late, [late.payment(at), late.payment(at)]))
  await (await world.reconciler()).once()
})
afterAll(() => world.close())
beforeEach(() => {
  edge = () => new Response('', { status: 404 })
})

let edge: (request: Request) => Response | Promise<Response>
function made(args: readonly string[]) {
  const fetch: typeof globalThis.fetch = async (input, init) => edge(new Request(input, init))
  const asked = { ...world, network: { ...world.network, fetch } } as unknown as World
  return call(report, ['--date', DATE, '--country', 'BJ', ...args], asked)
}
const json = async () => JSON.parse((await made(['--json'])).output)

test('received against posted, by device and type, each difference with its reason', async () => {
  const { code, output } = await made(['--json'])
  expect(code).toBe(0)
  const { lines, explained, timeZone } = JSON.parse(output)
  expect([explained, timeZone]).toEqual([true, 'Africa/Porto-Novo'])
  const byType = Object.fromEntries(lines.map((line: { type: string }) => [line.type, line]))
  expect(byType['cashout']).toMatchObject({
    deviceId: agent.id,
    received: { count: 1, minor: 700 },
    posted: { count: 1, minor: 700 },
    differences: [],
  })
  expect(byType['merchant']).toMatchObject({
    deviceId: shop.id,
    currency: 'XOF',
    received: { count: 6, minor: 19_500 },
    posted: { count: 2, minor: 6000 },
    differences: [
      { why: 'failed: insufficient_funds', count: 1, minor: 9000 },
      { why: 'refused: duplicate', count: 1, minor: 3000 },
      { why: 'refused: limit_exceeded', count: 1, minor: 1000 },
      { why: 'review: amount_review', count: 1, minor: 500 },
    ],
    unexplained: { count: 0, minor: 0 },
  })
})

test('bundles that are received and not settled are named with what they wait for', async () => {
  expect((await json()).open).toEqual([
    expect.objectContaining({ paymentsMax: 2, why: 'waiting: device', inbox: expect.any(Number) }),
  ])
})

test('the day is the country’s own', async () => {
  const other = await call(report, ['--date', '2027-03-03', '--country', 'BJ', '--json'], world)
  expect(JSON.parse(other.output)).toMatchObject({ lines: [], open: [] })
})

test('a payment that is said to have succeeded and is not in the ledger is not explained', async () => {
  await tamper(
    db().ownerUrl,
    `UPDATE wallet_core.transfers SET source_no = 99 WHERE source_id = '${agent.id}' AND source_no = 1`,
  )
  const { code, output } = await made([])
  await tamper(
    db().ownerUrl,
    `UPDATE wallet_core.transfers SET source_no = 1 WHERE source_id = '${agent.id}' AND source_no = 99`,
  )
  expect(code).toBe(1)
  expect(output).toContain('UNEXPLAINED  1 (700)')
})

test('text for people', async () => {
  const { output } = await made([])
  expect(output).toContain(`${shop.id}  merchant  XOF  received 6 (19500)  posted 2 (6000)`)
  expect(output).toContain('    failed: insufficient_funds  1 (9000)')
  expect(output).toContain('without the edge’s own count: the edge answered 404')
  expect(output).toContain('every difference is explained')
})

test('CSV for spreadsheets', async () => {
  const rows = (await made(['--format', 'csv'])).output.split('\r\n')
  expect(rows[0]).toBe('date,country,device_id,type,currency,what,why,payments,amount_minor,bundles')
  expect(rows).toContain(`${DATE},BJ,${shop.id},merchant,XOF,posted,,2,6000,`)
  expect(rows).toContain(`${DATE},BJ,${shop.id},merchant,XOF,not_posted,failed: insufficient_funds,1,9000,`)
})

const device = (id: string, bundles: number, admitted_count = 1, admitted_amount = 1) => ({
  ...{ device_id: id, currency: 'XOF', bundles, admitted_count, admitted_amount },
})

test('the edge’s own count shows what has not arrived', async () => {
  edge = async (request) => {
    const url = new URL(request.url)
    expect(url.pathname).toBe('/internal/received')
    expect([url.searchParams.get('date'), url.searchParams.get('country')]).toEqual([DATE, 'BJ'])
    expect(request.headers.get(SERVICE_HEADER)).toMatch(/^t=/)
    return url.searchParams.get('cursor') === 'next'
      ? Response.json({ devices: [device('POS-ELSEWHERE', 1)], next_cursor: null })
      : Response.json({ devices: [device(shop.id, 4)], next_cursor: 'next' })
  }
  const { devices } = await json()
  expect(devices).toContainEqual({ deviceId: shop.id, settled: 2, open: 0, atEdge: 4, notArrived: 2 })
  expect(devices).toContainEqual({ deviceId: 'POS-ELSEWHERE', settled: 0, open: 0, atEdge: 1, notArrived: 1 })
  expect((await made([])).output).toContain(`${shop.id}  2 not here yet`)
})

test('a device that comes on several pages is added up', async () => {
  edge = async (request) =>
    new URL(request.url).searchParams.has('cursor')
      ? Response.json({ devices: [device(shop.id, 1, 2, 2000)], next_cursor: null })
      : Response.json({ devices: [device(shop.id, 1, 2, 13_500)], next_cursor: 'next' })
  const { devices, disagreements } = await json()
  expect(devices).toContainEqual({ deviceId: shop.id, settled: 2, open: 0, atEdge: 2, notArrived: 0 })
  expect(disagreements).not.toContainEqual(expect.objectContaining({ deviceId: shop.id }))
})

test('what the edge admitted is what the book has of it: else the report says so and is not explained', async () => {
  const late = (await json()).devices.find(({ open }: { open: number }) => open > 0).deviceId
  // 3 000 + 3 000 + 9 000 + 500 were not refused at the edge; 1 000 and the copy were.
  const agreeing = [device(shop.id, 2, 4, 15_500), device(agent.id, 1, 1, 700)]
  edge = () => Response.json({ devices: [...agreeing, device(late, 1, 2, 5000)], next_cursor: null })
  expect(await json()).toMatchObject({
    explained: true,
    disagreements: [{ deviceId: late, atEdge: { count: 2, minor: 5000 }, why: 'not settled yet' }],
  })
  edge = () => Response.json({ devices: [device(shop.id, 2, 4, 15_501), ...agreeing.slice(1)], next_cursor: null })
  const { code, output } = await made([])
  expect(code).toBe(1)
  expect(output).toContain(`${shop.id}  XOF  admitted 4 (15501) at the edge, 4 (15500) here: UNEXPLAINED`)
  const rows = (await made(['--format', 'csv'])).output.split('\r\n')
  expect(rows).toContain(`${DATE},BJ,${shop.id},,XOF,admitted_at_edge,,4,15501,`)
  expect(rows).toContain(`${DATE},BJ,${shop.id},,XOF,admitted_here,,4,15500,`)
})

test.each([
  ['is down', () => Promise.reject(new TypeError('fetch failed'))],
  ['answers something else', () => Response.json({ hello: 'world' })],
])('an edge that %s leaves the report without it', async (_, answer) => {
  edge = answer
  const { edge: side, lines } = await json()
  expect(side).toMatchObject({ asked: false, why: expect.stringContaining('cannot be asked') })
  expect(lines).toHaveLength(2)
})

test.each([
  [['--date', '2027-02-30', '--country', 'BJ']],
  [['--date', 'today', '--country', 'BJ']],
  [['--date', DATE]],
  [['--date', DATE, '--country', 'XX']],
  [['--date', DATE, '--country', 'BJ', '--format', 'pdf']],
])('%j is not a call', async (args) => {
  expect((await call(report, args, world)).code).toBe(2)
})
