import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { fundWallets } from '../../sim/book/fund.ts'
import { openSqlBooks } from '../../sim/book/open.ts'
import { Book } from '../../sim/book/pglite.ts'
import { DatabaseServer } from '../../sim/book/server.ts'
import type { SimReconciler } from '../../sim/book-view.ts'
import type { SimEdge } from '../../sim/cloudflare/edge.ts'
import { Life } from '../../sim/cloudflare/life.ts'
import { pullApi } from '../../sim/cloudflare/pull-api.ts'
import { SimulatedQueue } from '../../sim/cloudflare/queue.ts'
import { realCurve } from '../../sim/crypto/curve.ts'
import type { AllFaults, FaultKind } from '../../sim/faults/kinds.ts'
import { Telephones } from '../../sim/people/telephones.ts'
import { API_URL, QUEUE_API_URL, type Secrets } from '../../sim/settings.ts'
import { installGlobals } from '../../sim/time/globals.ts'
import { Trace } from '../../sim/trace.ts'
import type { Books } from '../../sim/world.ts'
import { amountMinor } from '../../src/protocol/money.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import { HOUR_MS } from '../../src/protocol/time.ts'
import { TestDevice } from '../kit/device.ts'
import { phoneOf } from '../kit/payers.ts'
import { makeWorld, type World as Senders } from '../reconciler/kit.ts'
import type { Database } from '../reconciler/open-database.ts'
import { LOGINS } from './logins.ts'
import { World } from './world.ts'

/** The side of the reconciler in deep runs: production's reconcilers on the real SQL, and the model that judges it. */
const PAYER = 'W-1'
const begin = vi.spyOn(Book.prototype, 'begin')
const request = vi.spyOn(DatabaseServer.prototype, 'request')
let world: World
let senders: Senders
let till: TestDevice
let books: Books
let trace: Trace
let queue: ReturnType<SimulatedQueue['binding']>
/** Moments at which a reconciler dies, as its faults are told of them. */
let deadly: string | undefined
let restore: () => void

const book = (): Book => begin.mock.contexts.at(-1) as Book

beforeEach(async () => {
  world = new World(1)
  const { scheduler, random } = world
  deadly = undefined
  const nothing = async () => Response.error()
  restore = installGlobals({ scheduler, random: random.stream('globals'), curve: realCurve, fetch: nothing })
  const over = { QUEUE_API_URL, EDGE_URL: API_URL, QUEUE_ID: 'molam-settle', DLQ_ID: 'molam-settle-dlq' }
  senders = await makeWorld({ logins: LOGINS } as Database, over)
  Object.defineProperty(senders, 'now', { get: () => Math.floor(scheduler.nowMs) })
  till = await TestDevice.create()
  trace = new Trace(scheduler)
  books = await openSqlBooks({
    ...{
      scheduler,
      random: random.stream('books'),
      trace,
      edge: openStandIn(),
      names: ['reconciler 1', 'reconciler 2'],
      telephones: new Telephones(),
    },
    faults: { strikes: (fault: FaultKind, about: string) => isDeadly(fault, about) } as AllFaults,
    secrets: senders.env as unknown as Secrets,
    telephones: new Telephones(),
    wallets: [
      { wallet: till.ownerWallet, kind: 'merchant', amount: 0 },
      { wallet: PAYER, kind: 'merchant', amount: 5000 },
    ],
  })
  for (const reconciler of books.reconcilers) reconciler.start()
  for (const device of [till, await phoneOf(PAYER)]) await send(senders.facts(device))
  await world.passes(HOUR_MS)
})
afterEach(() => {
  for (const reconciler of books.reconcilers) reconciler.kill()
  restore()
})
afterAll(() => {
  book().abandon()
  return book().close()
})

function isDeadly(fault: FaultKind, about: string): boolean {
  if (fault !== 'reconciler_died' || deadly === undefined || !about.includes(deadly)) return false
  deadly = undefined
  return true
}

/** Real queues; behind them an edge that signs whatever it is asked to. */
function openStandIn(): SimEdge {
  const deadLetters = new SimulatedQueue('molam-settle-dlq', world.platform, { retriesMax: 100 })
  const settle = new SimulatedQueue('molam-settle', world.platform, { retriesMax: 100, deadLetters })
  queue = settle.binding(new Life())
  const standIn: Partial<SimEdge> = {
    fetch: senders.network.fetch,
    readD1: () => [],
    queueApi: pullApi({ 'molam-settle': settle, 'molam-settle-dlq': deadLetters }, world.platform),
    queues: { settle, deadLetters, index: settle },
  }
  return standIn as SimEdge
}

async function send(message: Promise<Uint8Array>): Promise<void> {
  const body = await world.ends(message)
  await world.ends(queue.send(body, { contentType: 'bytes' }))
}

async function sell(amount: number, over: Partial<Payment> = {}): Promise<void> {
  const payment = till.payment({ sender: PAYER, amount: amountMinor(amount), ...over })
  await send(senders.admit(till, [payment]))
}

const booked = async () =>
  (await world.ends(books.view.payments())).map(({ status, reason }) => (reason ? `${status} (${reason})` : status))

const first = (): SimReconciler => books.reconcilers[0] as SimReconciler

test('what is sold is booked, the edge is told, and book and model agree', async () => {
  await sell(3000)
  await sell(3000)
  await world.passes(HOUR_MS)
  expect(await booked()).toEqual(['succeeded', 'failed (insufficient_funds)'])
  expect(await world.ends(books.view.underWay())).toEqual([])
  expect(books.view.brokenNow()).toEqual([])
  expect(await world.ends(books.view.brokenAtQuiet())).toEqual([])
})

test('nothing is asked of the book while nothing is due, and what comes then is worked on within seconds', async () => {
  await sell(1000)
  await world.passes(HOUR_MS)
  request.mockClear()
  // Old messages are looked for less often than that.
  await world.passes(2 * HOUR_MS)
  expect(request).not.toHaveBeenCalled()
  await sell(1000)
  await world.passes(5_000)
  expect(await booked()).toEqual(['succeeded', 'succeeded'])
})

test('a wallet that is opened is found, though neither message nor row says so', async () => {
  const late = await TestDevice.create()
  await send(senders.facts(late))
  await world.passes(HOUR_MS)
  const told = () => senders.network.confirmed.filter(({ deviceId }) => deviceId === late.id)
  expect(told()).toMatchObject([{ kind: 'device_recorded', wallet: 'unknown' }])
  fundWallets(book(), [{ wallet: late.ownerWallet, kind: 'merchant', amount: 0 }], 'late', world.scheduler.nowMs)
  // Any change is a reason to look.
  await sell(1000)
  await world.passes(HOUR_MS)
  expect(told().at(-1)).toMatchObject({ kind: 'device_recorded', wallet: 'known' })
})

test.each(['before a COMMIT', 'after a COMMIT', 'before a call', 'after a call'])(
  'a reconciler that dies %s comes back, and what was sold is booked once',
  async (moment) => {
    // Nobody else may finish what it began.
    books.reconcilers[1]?.kill()
    deadly = moment
    await sell(2000)
    await world.passes(5_000)
    expect(first().isAlive).toBe(false)
    await world.passes(3 * HOUR_MS)
    expect(first().isAlive).toBe(true)
    expect(await booked()).toEqual(['succeeded'])
    expect(await world.ends(books.view.balances())).toEqual(
      new Map([
        [till.ownerWallet, 2000],
        [PAYER, 3000],
        ['system:treasury:XOF', -5000],
      ]),
    )
    expect(await world.ends(books.view.brokenAtQuiet())).toEqual([])
  },
)

test('while all reconcilers are dead nothing moves, and one that is started goes on', async () => {
  for (const reconciler of books.reconcilers) reconciler.kill()
  await sell(2000)
  await world.passes(3 * HOUR_MS)
  expect(await booked()).toEqual([])
  first().start()
  await world.passes(HOUR_MS)
  expect(await booked()).toEqual(['succeeded'])
})

test('a frozen wallet pays nothing, for the book as for the model', async () => {
  books.view.freeze(PAYER, true)
  await sell(1000)
  await world.passes(HOUR_MS)
  books.view.freeze(PAYER, false)
  await sell(1000)
  await world.passes(HOUR_MS)
  expect(await booked()).toEqual(['failed (wallet_frozen)', 'succeeded'])
  expect(await world.ends(books.view.brokenAtQuiet())).toEqual([])
})

test('a book that decides otherwise than the model is found out at once', async () => {
  book().asOwner("SELECT wallet_core.set_frozen($1, true, 'user:ops', 'the model is not told')", [PAYER])
  await sell(1000)
  await world.passes(HOUR_MS)
  expect(books.view.brokenNow().join('\n')).toContain('status is failed in the book and succeeded in the model')
})

test('money that no transaction explains is found out at quiet', async () => {
  fundWallets(book(), [{ wallet: PAYER, kind: 'merchant', amount: 1 }], 'from nowhere', world.scheduler.nowMs)
  const broken = await world.ends(books.view.brokenAtQuiet())
  expect(broken.join('\n')).toContain(`In account ${PAYER}, balance_minor is 5001 in the book and 5000 in the model.`)
})

test('a balance that its entries do not explain is found out with the next COMMIT', async () => {
  // Rules that keep even the owner from it are put aside.
  book().run(`SET LOCAL ROLE postgres; SET LOCAL session_replication_role = replica;
    UPDATE wallet_core.accounts SET balance_minor = balance_minor + 1 WHERE wallet_id = '${PAYER}';
    SET LOCAL session_replication_role = origin; SET LOCAL ROLE molam_read`)
  await sell(1000)
  await world.passes(HOUR_MS)
  expect(books.view.brokenNow().join('\n')).toContain('the balances of XOF sum to 1')
})
