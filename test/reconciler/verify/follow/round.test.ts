import type pg from 'pg'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Position, positionNow } from '../../../../reconciler/verify/follow/new-rows.ts'
import { lookAtNew } from '../../../../reconciler/verify/follow/round.ts'
import { trustedReceiptKeys } from '../../../../src/crypto/receipt-keys.ts'
import { amountMinor } from '../../../../src/protocol/money.ts'
import type { TestDevice } from '../../../kit/device.ts'
import { tamper } from '../../commands/kit.ts'
import { useDatabase } from '../../database.ts'
import { evidenceOf, makeWorld, newWallet, type World } from '../../kit.ts'

/** Rounds over a book that does not fit into one piece: of each table a round reads one page, and its end. */
const db = useDatabase()
let world: World
let shop: TestDevice
let payer: string
let position: Position
let client: pg.PoolClient
beforeAll(async () => {
  world = await makeWorld(db())
  payer = newWallet()
  await db().open(payer, 1_000_000)
  shop = await world.device()
  world.network.send(world.facts(shop))
  client = await db().app.connect()
})
afterAll(async () => {
  client.release()
  await world.close()
})
beforeEach(async () => {
  position = await positionNow(client)
})

async function sell(payments: number): Promise<void> {
  const made = Array.from({ length: payments }, () => shop.payment({ sender: payer, amount: amountMinor(100) }))
  world.network.send(await world.admit(shop, made))
  await world.settle()
}

/** @returns what was wrong, and how many rows were new */
async function round(): Promise<{ readonly wrong: readonly string[]; readonly rows: number }> {
  const { keys, codes } = await evidenceOf(world)
  await client.query('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY')
  const trusted = await trustedReceiptKeys(keys)
  const { wrong, rows, next } = await lookAtNew(
    { client, keys, trusted, codes, examplesMax: 5, piecePages: 1 },
    position,
  )
  await client.query('COMMIT')
  position = next
  return { wrong: wrong.map(({ check }) => check), rows }
}

/** Far more than there are pages. */
const TURN = 40

test('an honest book is never called wrong, wherever in their tables the two sides of a posting are read', async () => {
  for (let bundle = 0; bundle < 6; bundle++) {
    await sell(50)
    for (let looked = 0; looked < 3; looked++) expect((await round()).wrong).toEqual([])
  }
  for (let looked = 0; looked < TURN; looked++) expect((await round()).wrong).toEqual([])
  const { rows } = await db().app.query("SELECT pg_relation_size('wallet_core.entries') / 8192 AS pages")
  expect(rows[0].pages, 'it was more than a page').toBeGreaterThan(3)
})

test('a version of a row is looked at once', async () => {
  await sell(1)
  const first = await round()
  expect(first.rows).toBeGreaterThan(5)
  let again = 0
  for (let looked = 0; looked < TURN; looked++) again += (await round()).rows
  expect(again).toBe(0)
})

test.each([
  ['an entry', 'UPDATE wallet_core.entries SET amount_minor = amount_minor + 1 WHERE seq = 2'],
  ['a transfer', 'UPDATE wallet_core.transfers SET amount_minor = amount_minor + 1 WHERE source_no = 2'],
])('%s that was changed where it lies is found within a turn', async (_, sql) => {
  await sell(60)
  while ((await round()).rows > 0);
  await tamper(db().ownerUrl, sql)
  const found: string[] = []
  for (let looked = 0; looked < TURN; looked++) found.push(...(await round()).wrong)
  expect(found).toContain('transfer_entries')
  await tamper(db().ownerUrl, sql.replace('+ 1', '- 1'))
})
