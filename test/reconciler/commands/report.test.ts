import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { report } from '../../../reconciler/commands/report.ts'
import { SERVICE_HEADER } from '../../../src/crypto/hmac.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { TestDevice } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
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
  const till = newWallet()
  await db().open(till, 0, { kind: 'agent' })
  const phone = await world.device('customer', 10_000)
  const payer = phone.ownerWallet
  ;[shop, agent] = [await world.device(), await world.device('agent')]
  const at = { sender: payer, initiatedAtMs: world.now }
  const payments = [3000, 3000, 9000, 1000, 500].map((amount) => shop.payment({ ...at, amount: amountMinor(amount) }))
  const cash = agent.payment({ ...at, type: 'cashout', receiver: till, amount: amountMinor(700) })
  world.network.send(
    world.facts(phone),
    world.facts(shop),
    world.facts(agent),
    await world.admit(shop, payments, [
      { counter: 4, decision: 'refused', reason: 'limit_exceeded' },
      { counter: 5, decision: 'review', reason: 'amount_review' },
    ]),
    await world.admit(agent, [signedBy(phone, cash)]),
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

const bundle = (device_id: string, bundle_id: string, admitted_count = 1, admitted_amount = 1) => ({
  ...{ bundle_id, device_id, currency: 'XOF', admitted_count, admitted_amount },
})
/** What the edge has of the day: 3 000 + 3 000 + 9 000 + 500 were not refused; 1 000 and the copy were. */
async function agreeing() {
  const { rows } = await db().app.query('SELECT device_id, bundle_id, seq FROM offline_tx_bundles')
  const idOf = (device: TestDevice, seq: number) =>
    rows.find((row) => row.device_id === device.id && row.seq === seq).bundle_id
  const { deviceId, bundleId } = (await json()).open[0]
  const open = bundle(deviceId, bundleId, 2, 5000)
  const settled = [
    bundle(shop.id, idOf(shop, 1), 4, 15_500),
    bundle(shop.id, idOf(shop, 2), 0, 0),
    bundle(agent.id, idOf(agent, 1), 1, 700),
  ]
  return { open, settled, all: [...settled, open] }
}
const answers =
  (bundles: readonly object[]): typeof edge =>
  () =>
    Response.json({ bundles, next_cursor: null })
/** Time passes, and is set back for the next test. */
async function later<T>(hours: number, work: () => Promise<T>): Promise<T> {
  const { now } = world
  world.now += hours * 3_600_000
  try {
    return await work()
  } finally {
    world.now = now
  }
}

test('the edge’s own word shows what has not arrived', async () => {
  const { all } = await agreeing()
  edge = async (request) => {
    const url = new URL(request.url)
    expect(url.pathname).toBe('/internal/received')
    expect([url.searchParams.get('date'), url.searchParams.get('country')]).toEqual([DATE, 'BJ'])
    expect(request.headers.get(SERVICE_HEADER)).toMatch(/^t=/)
    return url.searchParams.get('cursor') === 'next'
      ? Response.json({ bundles: [bundle('POS-ELSEWHERE', 'X'), bundle(shop.id, 'Y')], next_cursor: null })
      : Response.json({ bundles: all, next_cursor: 'next' })
  }
  const { devices, disagreements, explained } = await json()
  expect(devices).toContainEqual({ deviceId: shop.id, settled: 2, open: 0, atEdge: 3, notArrived: 1 })
  expect(devices).toContainEqual({ deviceId: 'POS-ELSEWHERE', settled: 0, open: 0, atEdge: 1, notArrived: 1 })
  expect(disagreements).toContainEqual(
    expect.objectContaining({ deviceId: shop.id, bundleIds: ['Y'], bundles: 1, why: 'not arrived yet' }),
  )
  expect(explained).toBe(true)
  const people = await made([])
  expect(people.output).toContain(`${shop.id}  1 not here yet`)
  expect(people.progress).toEqual(['4/4 bundles of the edge', '6/6 bundles of the edge'])
})

test('“not yet” is a reason until a day after the day, and then it is none', async () => {
  const { settled, open } = await agreeing()
  edge = answers([...settled, open, bundle('POS-ELSEWHERE', 'X', 3, 90_000)])
  await later(47, async () => expect(await json()).toMatchObject({ explained: true }))
  await later(49, async () => {
    const { code, output } = await made([])
    expect(code).toBe(1)
    expect(output).toContain(
      'POS-ELSEWHERE  XOF  1 bundles, admitted 3 (90000) at the edge, 0 (0) here: UNEXPLAINED (X)',
    )
  })
  edge = answers([...settled.slice(1), open])
  const { explained, disagreements } = await json()
  expect(explained).toBe(true)
  expect(disagreements).toContainEqual(expect.objectContaining({ why: 'not in the edge’s read model yet' }))
  await later(49, async () => expect(await json()).toMatchObject({ explained: false }))
})

test('what the edge admitted is what the book has of it: else the report says so and is not explained', async () => {
  const { all, settled, open } = await agreeing()
  edge = answers(all)
  expect(await json()).toMatchObject({
    explained: true,
    disagreements: [{ deviceId: open.device_id, atEdge: { count: 2, minor: 5000 }, why: 'not settled yet' }],
  })
  const [first, ...others] = settled
  edge = answers([{ ...first, admitted_amount: 15_501 }, ...others, open])
  const { code, output } = await made([])
  expect(code).toBe(1)
  expect(output).toContain(`${shop.id}  XOF  1 bundles, admitted 4 (15501) at the edge, 4 (15500) here: UNEXPLAINED`)
  const rows = (await made(['--format', 'csv'])).output.split('\r\n')
  expect(rows).toContain(`${DATE},BJ,${shop.id},,XOF,admitted_at_edge,,4,15501,1`)
  expect(rows).toContain(`${DATE},BJ,${shop.id},,XOF,admitted_here,,4,15500,1`)
})

test('a bundle that is open explains itself, and no other bundle of its device', async () => {
  const { all, open } = await agreeing()
  edge = answers([...all, bundle(open.device_id, 'LOST', 7, 70_000)])
  await later(49, async () => {
    const { explained, disagreements } = await json()
    expect(explained).toBe(false)
    expect(disagreements).toContainEqual(
      expect.objectContaining({ deviceId: open.device_id, bundleIds: ['LOST'], atEdge: { count: 7, minor: 70_000 } }),
    )
  })
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
