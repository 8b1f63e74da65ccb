import { afterEach, expect, test } from 'vitest'
import { useDatabase } from '../../reconciler/database.ts'
import { answers, expectSoundBook, post, type TestPayment } from './book.ts'

const db = useDatabase()
afterEach(() => expectSoundBook(db().app))

const SHORT = 'insufficient_funds'
let names = 0
const wallet = async (balance = 0, options?: { currency?: string; kind?: string }) => {
  const name = `w${++names}`
  await db().open(name, balance, options)
  return name
}
/** Payments of one device, between two wallets unless told otherwise. */
async function shop(balance: number) {
  const [payer, payee] = [await wallet(balance), await wallet()]
  const source = `POS-${++names}`
  const of = (no: number, amount: number, step?: TestPayment['step'], over: Partial<TestPayment> = {}) => ({
    ...{ source, no, from: payer, to: payee, amount },
    ...(step && { step }),
    ...over,
  })
  const steps = async (...batch: readonly TestPayment[]) => answers(await post(db().owner, batch))
  return { payer, payee, of, steps }
}
const funds = async (name: string) => {
  const { rows } = await db().app.query(
    'SELECT balance_minor, held_minor, available_minor FROM wallet_core.balances WHERE wallet_id = $1',
    [name],
  )
  return [rows[0].balance_minor, rows[0].held_minor, rows[0].available_minor]
}

test('money is held up to what the wallet has above its floor, and not a unit more; a part is never held', async () => {
  const { payer, of, steps } = await shop(1000)
  await db().owner.query('UPDATE wallet_core.accounts SET floor_minor = 200 WHERE wallet_id = $1', [payer])
  expect(await steps(of(1, 801, 'hold'))).toEqual([SHORT])
  expect(await funds(payer)).toEqual([1000, 0, 800])
  expect(await steps(of(2, 799, 'hold'), of(3, 2, 'hold'), of(4, 1, 'hold'), of(5, 1, 'hold'))).toEqual([
    ...['held', SHORT, 'held', SHORT],
  ])
  expect(await funds(payer)).toEqual([1000, 800, 0])
})

test('what is held cannot be spent, and what is not held can, to the last unit', async () => {
  const { payer, of, steps } = await shop(1000)
  await steps(of(1, 600, 'hold'))
  expect(await steps(of(2, 401))).toEqual([SHORT])
  expect(await steps(of(3, 400), of(4, 1))).toEqual(['posted', SHORT])
  expect(await funds(payer)).toEqual([600, 600, 0])
})

test('a payment has what is held for it, whoever came before it in the batch, and nobody else has', async () => {
  const { payer, payee, of, steps } = await shop(100)
  await steps(of(1, 100, 'hold'))
  expect(await steps(of(2, 100), of(3, 1), of(1, 100, 'post'), of(4, 1))).toEqual([SHORT, SHORT, 'posted', SHORT])
  expect([await funds(payer), await db().balance(payee)]).toEqual([[0, 0, 0], 100])
})

test('the payer’s fee is held with the amount, the payee’s is not', async () => {
  await db().owner.query("SELECT wallet_core.open_system_account('system:fees:SN:XOF', 'XOF')")
  const { payer, payee, of, steps } = await shop(110)
  const fee = (bearer: 'payer' | 'payee') => ({ fee: { amount: 10, bearer } })
  expect(await steps(of(1, 101, 'hold', fee('payer')))).toEqual([SHORT])
  expect(await steps(of(2, 100, 'hold', fee('payer')))).toEqual(['held'])
  expect(await funds(payer)).toEqual([110, 110, 0])
  await steps(of(2, 100, 'release', fee('payer')))
  expect(await steps(of(3, 110, 'hold', fee('payee')), of(4, 1))).toEqual(['held', SHORT])
  expect(await steps(of(3, 110, 'post', fee('payee')))).toEqual(['posted'])
  expect([await funds(payer), await db().balance(payee)]).toEqual([[0, 0, 0], 100])
})

test('what is released is there for those after it in the batch, not for those before', async () => {
  const { payer, of, steps } = await shop(100)
  await steps(of(1, 100, 'hold'))
  expect(await steps(of(2, 100), of(1, 100, 'release'), of(3, 60, 'hold'), of(4, 40), of(5, 1))).toEqual([
    ...[SHORT, 'released', 'held', 'posted', SHORT],
  ])
  expect(await funds(payer)).toEqual([60, 60, 0])
})

test('a credit in the batch can be held after it, and what was held before it is not what it pays', async () => {
  const { payer, payee, of, steps } = await shop(50)
  const back = { from: payee, to: payer }
  expect(await steps(of(1, 30, 'hold', back), of(2, 50), of(3, 30, 'hold', back), of(4, 21, undefined, back))).toEqual([
    ...[SHORT, 'posted', 'held', SHORT],
  ])
  expect(await funds(payee)).toEqual([50, 30, 20])
})

test('where a payment could not be posted nothing is held, with the same reason', async () => {
  const { payer, of, steps } = await shop(1000)
  const [euro, frozen, customer] = [await wallet(1000, { currency: 'EUR' }), await wallet(1000), await wallet()]
  await db().owner.query('UPDATE wallet_core.accounts SET frozen = true WHERE wallet_id = $1', [frozen])
  expect(
    await steps(
      of(1, 1, 'hold', { from: 'nobody' }),
      of(2, 1, 'hold', { from: 'system:treasury:XOF' }),
      of(3, 1, 'hold', { from: frozen }),
      of(4, 1, 'hold', { to: frozen }),
      of(5, 1, 'hold', { from: euro }),
      of(6, 1, 'hold', { to: customer, type: 'cashout' }),
    ),
  ).toEqual([
    ...['unknown_wallet', 'unknown_wallet', 'wallet_frozen', 'wallet_frozen', 'currency_mismatch'],
    'wallet_kind_mismatch',
  ])
  expect(await funds(payer)).toEqual([1000, 0, 1000])
  expect(await funds(frozen)).toEqual([1000, 0, 1000])
})

test('a payment that fails when it is approved gives back what was held, to those after it too', async () => {
  const { payer, payee, of, steps } = await shop(100)
  await steps(of(1, 100, 'hold'))
  const freeze = (on: boolean) =>
    db().owner.query('UPDATE wallet_core.accounts SET frozen = $1 WHERE wallet_id = $2', [on, payee])
  await freeze(true)
  const other = await wallet()
  const posted = await post(db().owner, [of(1, 100, 'post'), of(2, 100, 'post', { to: other })])
  expect(posted).toMatchObject([
    { result: 'failed', reason: 'wallet_frozen', hold: 'released' },
    { result: 'posted', reason: null, hold: null },
  ])
  expect(await funds(payer)).toEqual([0, 0, 0])
})

test('each step twice is the same as once', async () => {
  const { payer, payee, of, steps } = await shop(1000)
  expect(await steps(of(1, 100, 'hold'), of(2, 200, 'hold'))).toEqual(['held', 'held'])
  expect(await steps(of(1, 100, 'hold'), of(2, 201, 'hold'))).toEqual(['exists', 'conflict'])
  expect(await funds(payer)).toEqual([1000, 300, 700])
  for (let i = 0; i < 2; i++) {
    await steps(of(1, 100, 'post'), of(2, 200, 'release'))
    expect([await funds(payer), await db().balance(payee)]).toEqual([[900, 0, 900], 100])
  }
  // What has ended is not placed again.
  expect(await steps(of(1, 100, 'hold'), of(2, 200, 'hold'))).toEqual(['exists', 'exists'])
  expect(await funds(payer)).toEqual([900, 0, 900])
})

test('a payment of another amount or payer than what is held for it halts the batch', async () => {
  const { payer, payee, of } = await shop(1000)
  await post(db().owner, [of(1, 100, 'hold')])
  for (const other of [of(1, 99, 'post'), of(1, 100, 'post', { from: payee }), of(1, 101, 'release')]) {
    await expect(post(db().owner, [of(2, 5, 'post'), other])).rejects.toThrow('a hold of another')
  }
  expect(await funds(payer)).toEqual([1000, 100, 900])
})

test('no account holds more than it has above its floor, whatever writes it', async () => {
  const { payer, of, steps } = await shop(100)
  await steps(of(1, 100, 'hold'))
  for (const change of ['held_minor = 101', 'held_minor = -1', 'floor_minor = 1', 'balance_minor = 99']) {
    const sql = `UPDATE wallet_core.accounts SET ${change} WHERE wallet_id = $1`
    await expect(db().owner.query(sql, [payer]), change).rejects.toThrow(/check constraint/)
  }
})

test('holds, postings and releases between the same wallets in parallel: no deadlock, and each franc is held once', async () => {
  const ring = await Promise.all([1, 2, 3].map(() => wallet(1000)))
  const batches = Array.from({ length: 40 }, (_, batch) =>
    Array.from({ length: 10 }, (_, i): TestPayment => {
      const [from, to] = [ring[(batch + i) % 3] ?? '', ring[(batch * 2 + i + 1 + (batch % 2)) % 3] ?? '']
      return { source: `PAR-${batch}`, no: i + 1, from, to, amount: 20 + ((batch * 7 + i) % 60), step: 'hold' }
    }),
  )
  const inParallel = (step: (batch: number, i: number) => TestPayment['step']) =>
    Promise.all(
      batches.map((payments, batch) =>
        post(
          db().owner,
          payments.map((payment, i) => ({ ...payment, step: step(batch, i) ?? 'post' })),
        ),
      ),
    )
  const placed = (await inParallel(() => 'hold')).flat().filter(({ hold }) => hold === 'placed')
  expect(placed.length).toBeGreaterThan(30)
  await expectSoundBook(db().app)
  // Half of the holds end in each way, while payments that hold nothing compete for the same money.
  const ended = (await inParallel((batch, i) => ((batch + i) % 2 === 0 ? 'post' : 'release'))).flat()
  expect(ended.filter(({ hold }) => hold !== null)).toHaveLength(placed.length)
  for (const name of ring) expect((await funds(name))[1]).toBe(0)
  const total = await Promise.all(ring.map((name) => db().balance(name)))
  expect(total.reduce((sum, balance) => sum + balance, 0)).toBe(3000)
})

test('many sides at once cannot hold the same money', async () => {
  const { payer, of } = await shop(100)
  const results = await Promise.all(Array.from({ length: 30 }, (_, i) => post(db().owner, [of(i + 1, 7, 'hold')])))
  expect(results.flatMap(answers).filter((answer) => answer === 'held')).toHaveLength(14)
  expect(await funds(payer)).toEqual([100, 98, 2])
})
