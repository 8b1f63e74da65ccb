import fc from 'fast-check'
import type pg from 'pg'
import { afterEach, describe, expect, test } from 'vitest'
import { useDatabase } from '../../reconciler/database.ts'
import { answers, expectSoundBook, type Posted, post, type TestPayment } from './book.ts'

const db = useDatabase()
afterEach(() => expectSoundBook(db().app))

const SHORT = 'allowance_shortfall'
let names = 0
const wallet = async (balance = 0) => {
  const name = `w${++names}`
  await db().open(name, balance)
  return name
}

/** Opens an allowance as the ledger does for an order. @returns why not, or its id */
async function open(payer: string, ceiling: number, over: { device?: string; no?: number; currency?: string } = {}) {
  const { device = `PHONE-${payer}`, no = 1, currency = 'XOF' } = over
  const { rows } = await db().owner.query<{ refusal: string | null }>(
    `SELECT wallet_core.open_allowance($1, $2, $3, $4, $5, now() + interval '7 days', now() + interval '12 days', now()) AS refusal`,
    [device, no, payer, currency, ceiling],
  )
  if (rows[0]?.refusal) return rows[0].refusal
  const { rows: ids } = await db().owner.query<{ id: string }>(
    'SELECT allowance_id AS id FROM wallet_core.allowances WHERE device_id = $1 AND no = $2',
    [device, no],
  )
  return Number(ids[0]?.id)
}

/** A payer with an allowance, and a shop. */
async function market(balance: number, ceiling: number) {
  const [payer, payee] = [await wallet(balance), await wallet()]
  const allowance = Number(await open(payer, ceiling))
  const source = `POS-${++names}`
  const of = (no: number, amount: number, over: Partial<TestPayment> = {}): TestPayment => {
    return { source, no, from: payer, to: payee, amount, ...over }
  }
  const covered = (no: number, amount: number, over: Partial<TestPayment> = {}) =>
    of(no, amount, { allowance, ...over })
  return { payer, payee, allowance, of, covered }
}

/** Balance, held, available. */
async function funds(name: string) {
  const { rows } = await db().app.query(
    'SELECT balance_minor, held_minor, available_minor FROM wallet_core.balances WHERE wallet_id = $1',
    [name],
  )
  return [rows[0].balance_minor, rows[0].held_minor, rows[0].available_minor]
}
/** Consumed, returned, held. */
async function allowanceOf(id: number) {
  const { rows } = await db().app.query(
    'SELECT consumed_minor, returned_minor, held_minor FROM wallet_core.allowances WHERE allowance_id = $1',
    [id],
  )
  return [rows[0].consumed_minor, rows[0].returned_minor, rows[0].held_minor]
}
const end = (id: number, state = 'closed', client: pg.Pool | pg.ClientBase = db().owner) =>
  client.query(`SELECT wallet_core.end_allowance($1, $2, now())`, [id, state])
const paidBy = (posted: readonly Posted[]) => posted.map(({ covered_minor: paid }) => paid && Number(paid))

describe('opening', () => {
  test('what is held is what is there, and not a unit more', async () => {
    const payer = await wallet(1000)
    expect(await open(payer, 1001)).toBe('insufficient_funds')
    expect(await funds(payer)).toEqual([1000, 0, 1000])
    expect(await open(payer, 1000)).toEqual(expect.any(Number))
    expect(await funds(payer)).toEqual([1000, 1000, 0])
  })

  test('a wallet has one at a time, whichever device asks', async () => {
    const payer = await wallet(1000)
    const first = Number(await open(payer, 100))
    expect(await open(payer, 100, { no: 2 })).toBe('already_open')
    expect(await open(payer, 100, { device: 'OTHER' })).toBe('already_open')
    await db().owner.query(
      "UPDATE wallet_core.allowances SET state = 'closing', stated_n = 0, stated_spent = 0 WHERE allowance_id = $1",
      [first],
    )
    expect(await open(payer, 100, { no: 2 })).toBe('already_open')
    await end(first)
    expect(await open(payer, 100)).toBe('stale')
    expect(await open(payer, 100, { no: 2 })).toEqual(expect.any(Number))
  })

  test('no other wallet, no frozen one, no other currency, and not the system’s', async () => {
    const frozen = await wallet(1000)
    await db().owner.query('UPDATE wallet_core.accounts SET frozen = true WHERE wallet_id = $1', [frozen])
    expect(await open(frozen, 1)).toBe('wallet_frozen')
    expect(await open('nobody', 1)).toBe('unknown_wallet')
    expect(await open('system:treasury:XOF', 1)).toBe('unknown_wallet')
    expect(await open(await wallet(1000), 1, { currency: 'EUR' })).toBe('currency_mismatch')
  })

  test('from many sides at once: one is opened', async () => {
    const payer = await wallet(1000)
    const tried = await Promise.all(
      Array.from({ length: 8 }, (_, i) => open(payer, 300, { device: `D-${payer}-${i}` })),
    )
    expect(tried.filter((one) => typeof one === 'number')).toHaveLength(1)
    expect(new Set(tried.filter((one) => typeof one === 'string'))).toEqual(new Set(['already_open']))
    expect(await funds(payer)).toEqual([1000, 300, 700])
  })
})

describe('paying', () => {
  test('what is held is there for its payments alone, whoever comes before them in the batch', async () => {
    const { payer, payee, of, covered, allowance } = await market(100, 100)
    const posted = await post(db().owner, [of(1, 1), covered(2, 60), of(3, 1), covered(4, 40), covered(5, 1)])
    expect(answers(posted)).toEqual(['insufficient_funds', 'posted', 'insufficient_funds', 'posted', SHORT])
    expect(paidBy(posted)).toEqual([null, 60, null, 40, 0])
    expect([await funds(payer), await db().balance(payee)]).toEqual([[0, 0, 0], 100])
    expect(await allowanceOf(allowance)).toEqual([100, 0, 0])
  })

  test('first from what is held, then from what is available; what neither has is said, and nothing moves', async () => {
    const { payer, covered, allowance } = await market(150, 100)
    const posted = await post(db().owner, [
      covered(1, 70),
      covered(2, 50),
      covered(3, 40),
      covered(4, 30),
      covered(5, 1),
    ])
    expect(answers(posted)).toEqual(['posted', 'posted', SHORT, 'posted', SHORT])
    expect(paidBy(posted)).toEqual([70, 30, 0, 0, 0])
    expect(posted.map(({ missing_minor: missing }) => missing && Number(missing))).toEqual([null, null, 10, null, 1])
    expect(await funds(payer)).toEqual([0, 0, 0])
    expect(await allowanceOf(allowance)).toEqual([100, 0, 0])
  })

  test('one that does not fit leaves the hold to the smaller ones after it', async () => {
    const { covered, allowance } = await market(100, 100)
    const posted = await post(db().owner, [covered(1, 101), covered(2, 100)])
    expect([answers(posted), paidBy(posted)]).toEqual([
      [SHORT, 'posted'],
      [0, 100],
    ])
    expect(await allowanceOf(allowance)).toEqual([100, 0, 0])
  })

  test('a credit in the batch pays what the hold does not', async () => {
    const { payer, payee, of, covered } = await market(100, 100)
    const back = of(1, 50, { from: payee, to: payer })
    expect(answers(await post(db().owner, [covered(2, 80), back, covered(3, 70), of(4, 1)]))).toEqual([
      ...['posted', 'posted', 'posted', 'insufficient_funds'],
    ])
    expect(await funds(payer)).toEqual([0, 0, 0])
  })

  test('an allowance of another wallet, one that ended, or none holds nothing for a payment', async () => {
    const [one, other] = [await market(100, 100), await market(100, 40)]
    expect(
      answers(
        await post(db().owner, [one.of(1, 50, { allowance: other.allowance }), one.of(2, 50, { allowance: 999_999 })]),
      ),
    ).toEqual([...[SHORT, SHORT]])
    expect(await allowanceOf(other.allowance)).toEqual([0, 0, 40])
    await db().owner.query(
      "UPDATE wallet_core.allowances SET state = 'closing', stated_n = 0, stated_spent = 0 WHERE allowance_id = $1",
      [other.allowance],
    )
    await end(other.allowance)
    const posted = await post(db().owner, [other.covered(3, 100)])
    expect([answers(posted), paidBy(posted)]).toEqual([['posted'], [0]])
  })

  test('twice is the same as once', async () => {
    const { payer, covered, allowance } = await market(200, 100)
    for (const answer of ['posted', 'exists']) {
      expect(answers(await post(db().owner, [covered(1, 60)]))).toEqual([answer])
      expect(await funds(payer)).toEqual([140, 40, 100])
      expect(await allowanceOf(allowance)).toEqual([60, 0, 40])
    }
  })

  test('one that waits for people is held by what the allowance held, and by no more than once', async () => {
    const { payer, payee, covered, of, allowance } = await market(100, 80)
    expect(answers(await post(db().owner, [covered(1, 90, { step: 'hold' })]))).toEqual(['held'])
    expect(await funds(payer)).toEqual([100, 90, 10])
    expect(await allowanceOf(allowance)).toEqual([80, 0, 0])
    expect(answers(await post(db().owner, [of(1, 90, { step: 'post' })]))).toEqual(['posted'])
    expect([await funds(payer), await db().balance(payee)]).toEqual([[10, 0, 10], 90])
  })

  test('a frozen wallet pays nothing, and its allowance stays as it is', async () => {
    const { payee, covered, allowance } = await market(100, 80)
    await db().owner.query('UPDATE wallet_core.accounts SET frozen = true WHERE wallet_id = $1', [payee])
    expect(answers(await post(db().owner, [covered(1, 80)]))).toEqual(['wallet_frozen'])
    expect(await allowanceOf(allowance)).toEqual([0, 0, 80])
  })

  test('the payer’s fee is paid out of what is available or let go, and never out of what is held', async () => {
    await db().owner.query("SELECT wallet_core.open_system_account('system:fees:SN:XOF', 'XOF')")
    const { payer, payee, covered, allowance } = await market(115, 100)
    const fee = { fee: { amount: 10, bearer: 'payer' as const } }
    const posted = await post(db().owner, [
      covered(1, 50, fee),
      covered(2, 50, fee),
      covered(3, 6, fee),
      covered(4, 5, fee),
    ])
    expect(answers(posted)).toEqual(['posted', 'posted', SHORT, 'posted'])
    expect(posted.map(({ waived_minor: waived }) => Number(waived))).toEqual([0, 10, 0, 10])
    expect(await allowanceOf(allowance)).toEqual([100, 0, 0])
    expect([await funds(payer), await db().balance(payee), await db().balance('system:fees:SN:XOF')]).toEqual([
      [0, 0, 0],
      105,
      10,
    ])
  })
})

test('in parallel with everything else, each unit that is held is consumed once', async () => {
  const { payer, payee, allowance } = await market(500, 300)
  const batches = Array.from({ length: 40 }, (_, i) =>
    post(db().owner, [
      { source: `P-${allowance}-${i}`, no: 1, from: payer, to: payee, amount: 10, ...(i % 2 === 0 && { allowance }) },
      { source: `P-${allowance}-${i}`, no: 2, from: payee, to: payer, amount: 1 },
    ]),
  )
  const posted = (await Promise.all(batches)).flat()
  const covered = posted.reduce((sum, one) => sum + Number(one.covered_minor ?? 0), 0)
  expect(covered).toBe(200)
  expect(await allowanceOf(allowance)).toEqual([200, 0, 100])
  const [balance, held] = await funds(payer)
  expect([held, balance >= 100]).toEqual([100, true])
})

test('an end beside payments: what is given back was not consumed, and the other way round', async () => {
  const { payer, payee, allowance } = await market(100, 100)
  await db().owner.query(
    "UPDATE wallet_core.allowances SET state = 'closing', stated_n = 9, stated_spent = 9 WHERE allowance_id = $1",
    [allowance],
  )
  const ending = async () => {
    const client = await db().owner.connect()
    try {
      await client.query('BEGIN')
      await client.query('SELECT FROM wallet_core.accounts WHERE wallet_id = $1 FOR NO KEY UPDATE', [payer])
      await end(allowance, 'expired', client)
      await client.query('COMMIT')
    } finally {
      client.release()
    }
  }
  const pay = (i: number) =>
    post(db().owner, [{ source: `E-${allowance}-${i}`, no: 1, from: payer, to: payee, amount: 10, allowance }])
  const [paid] = await Promise.all([Promise.all(Array.from({ length: 6 }, (_, i) => pay(i))), ending()])
  expect(new Set(paid.flatMap(answers))).toEqual(new Set(['posted']))
  const [consumed = 0, returned = 0, held] = await allowanceOf(allowance)
  expect([consumed + returned, held]).toEqual([100, 0])
  expect(await funds(payer)).toEqual([40, 0, 40])
})

test('whatever comes in whatever order: consumed, returned and held are the ceiling, and takers get what there is', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 0, max: 300 }),
      fc.integer({ min: 1, max: 200 }),
      fc.array(fc.record({ amount: fc.integer({ min: 1, max: 90 }), signed: fc.boolean() }), {
        minLength: 1,
        maxLength: 12,
      }),
      fc.integer({ min: 1, max: 4 }),
      async (above, ceiling, payments, size) => {
        const { payer, of, allowance } = await market(above + ceiling, ceiling)
        let [available, held] = [above, ceiling]
        const expected = payments.map(({ amount, signed }) => {
          const take = signed ? Math.min(held, amount) : 0
          if (available < amount - take) return signed ? SHORT : 'insufficient_funds'
          held -= take
          available -= amount - take
          return 'posted'
        })
        const all = payments.map(({ amount, signed }, i) => of(i + 1, amount, signed ? { allowance } : {}))
        const got: string[] = []
        for (let i = 0; i < all.length; i += size) got.push(...answers(await post(db().owner, all.slice(i, i + size))))
        expect(got).toEqual(expected)
        expect(await allowanceOf(allowance)).toEqual([ceiling - held, 0, held])
        expect(await funds(payer)).toEqual([available + held, held, available])
      },
    ),
    { numRuns: 40 },
  )
})

describe('an allowance', () => {
  test('is never deleted, opened again, or changed in what it is', async () => {
    const { allowance } = await market(100, 50)
    for (const change of [
      'ceiling_minor = 60',
      "until_at = until_at + interval '1 day'",
      "device_id = 'X'",
      'consumed_minor = 51',
    ]) {
      await expect(
        db().owner.query(`UPDATE wallet_core.allowances SET ${change} WHERE allowance_id = ${allowance}`),
      ).rejects.toThrow(/append-only|check constraint/)
    }
    await expect(db().owner.query('DELETE FROM wallet_core.allowances')).rejects.toThrow('append-only')
    await end(allowance, 'expired')
    await expect(
      db().owner.query(
        `UPDATE wallet_core.allowances SET state = 'open', ended_at = NULL WHERE allowance_id = ${allowance}`,
      ),
    ).rejects.toThrow('append-only')
    await expect(end(allowance, 'expired')).rejects.toThrow()
  })

  test('is moved by the settling functions alone', async () => {
    for (const sql of [
      "SELECT wallet_core.open_allowance('D', 1, 'w1', 'XOF', 1, now(), now(), now())",
      "SELECT wallet_core.end_allowance(1, 'closed', now())",
      'SELECT wallet_core.consume_allowances(ARRAY[1]::bigint[], ARRAY[1]::bigint[], ARRAY[1]::bigint[])',
      "SELECT offline_record_spending('{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', '{}', now())",
      'UPDATE wallet_core.allowances SET consumed_minor = 1',
      "UPDATE offline_allowance_orders SET result = 'opened', closed_at = now()",
      "INSERT INTO offline_allowance_evidence SELECT device_id, no, 'number', device_id, 1, NULL, NULL, now() FROM wallet_core.allowances",
    ]) {
      await expect(db().app.query(sql), sql).rejects.toThrow('permission denied')
    }
  })
})
