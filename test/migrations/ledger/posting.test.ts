import { afterEach, expect, test } from 'vitest'
import { useDatabase } from '../../reconciler/database.ts'
import { answers, expectSoundBook, post } from './book.ts'

const db = useDatabase()
afterEach(() => expectSoundBook(db().app))

/** Wallets of this test only, so that tests do not share balances. */
let wallets = 0
const wallet = async (balance = 0, options?: { currency?: string; kind?: string }) => {
  wallets += 1
  await db().open(`w${wallets}`, balance, options)
  return `w${wallets}`
}
let devices = 0
const device = () => `POS-${++devices}`

test('the sender is debited and the receiver credited by the same amount', async () => {
  const [payer, payee, source] = [await wallet(1000), await wallet(), device()]
  const [posted] = await post(db().owner, [{ source, no: 1, from: payer, to: payee, amount: 400 }])
  expect(posted).toMatchObject({ result: 'posted', reason: null })
  expect(await db().balance(payer)).toBe(600)
  expect(await db().balance(payee)).toBe(400)
})

test('an empty batch posts nothing', async () => {
  expect(await post(db().owner, [])).toEqual([])
})

test('a payment without funds fails and those around it are posted', async () => {
  const [payer, payee, source] = [await wallet(1000), await wallet(), device()]
  const batch = [600, 500, 400, 1].map((amount, i) => ({ source, no: i + 1, from: payer, to: payee, amount }))
  expect(answers(await post(db().owner, batch))).toEqual([
    'posted',
    'insufficient_funds',
    'posted',
    'insufficient_funds',
  ])
  expect(await db().balance(payer)).toBe(0)
})

test('a wallet can be debited down to its own floor, above or below zero, and not further', async () => {
  const [payee, source] = [await wallet(), device()]
  const [saver, overdrawn] = [await wallet(500), await wallet(500)]
  const floor = (minor: number, name: string) =>
    db().owner.query('UPDATE wallet_core.accounts SET floor_minor = $1 WHERE wallet_id = $2', [minor, name])
  await floor(200, saver)
  await floor(-300, overdrawn)
  const pay = (no: number, from: string, amount: number) => ({ source, no, from, to: payee, amount })
  const posted = await post(db().owner, [
    pay(1, saver, 301),
    pay(2, saver, 300),
    pay(3, saver, 1),
    pay(4, overdrawn, 801),
    pay(5, overdrawn, 800),
    pay(6, overdrawn, 1),
  ])
  const short = 'insufficient_funds'
  expect(answers(posted)).toEqual([short, 'posted', short, short, 'posted', short])
  expect([await db().balance(saver), await db().balance(overdrawn)]).toEqual([200, -300])
})

test('a wallet without a floor is never short of funds', async () => {
  const [payee, source] = [await wallet(), device()]
  await db().owner.query("SELECT wallet_core.open_system_account('system:test:XOF', 'XOF')")
  await db().owner.query(
    "SELECT * FROM wallet_core.post_transfers('funding', ARRAY[wallet_core.request_payment($1, 1, NULL, 'system:test:XOF', $2, 700, 'XOF', NULL, NULL, NULL, NULL)], now())",
    [source, payee],
  )
  expect([await db().balance('system:test:XOF'), await db().balance(payee)]).toEqual([-700, 700])
})

test('a batch in which most wallets are short is decided payment by payment', async () => {
  const [a, b, c, source] = [await wallet(10), await wallet(10), await wallet(10), device()]
  const ring = [a, b, c]
  const batch = Array.from({ length: 30 }, (_, i) => ({
    ...{ source, no: i + 1, amount: 10 + (i % 3) * 5 },
    ...{ from: ring[i % 3] ?? a, to: ring[(i + 1) % 3] ?? a },
  }))
  const left = new Map(ring.map((name) => [name, 10]))
  const expected = batch.map(({ from, to, amount }) => {
    if ((left.get(from) ?? 0) < amount) return 'insufficient_funds'
    left.set(from, (left.get(from) ?? 0) - amount)
    left.set(to, (left.get(to) ?? 0) + amount)
    return 'posted'
  })
  expect(new Set(expected).size).toBe(2)
  expect(answers(await post(db().owner, batch))).toEqual(expected)
  for (const name of ring) expect(await db().balance(name)).toBe(left.get(name))
})

test('a source that counts with holes, and comes back to fill them, is posted once for each number', async () => {
  const [payer, payee, source] = [await wallet(1000), await wallet(), device()]
  const of = (...nos: number[]) => nos.map((no) => ({ source, no, from: payer, to: payee, amount: no }))
  expect(answers(await post(db().owner, of(1, 5, 9)))).toEqual(['posted', 'posted', 'posted'])
  expect(answers(await post(db().owner, of(9, 2, 5, 30, 1, 4)))).toEqual([
    ...['exists', 'posted', 'exists', 'posted', 'exists', 'posted'],
  ])
  expect(await db().balance(payee)).toBe(1 + 5 + 9 + 2 + 30 + 4)
})

test('a credit counts for the debits after it in the batch, not for those before', async () => {
  const [a, b, c, source] = [await wallet(100), await wallet(), await wallet(), device()]
  const posted = await post(db().owner, [
    { source, no: 1, from: b, to: c, amount: 60 },
    { source, no: 2, from: a, to: b, amount: 100 },
    { source, no: 3, from: b, to: c, amount: 60 },
    { source, no: 4, from: c, to: a, amount: 60 },
  ])
  expect(answers(posted)).toEqual(['insufficient_funds', 'posted', 'posted', 'posted'])
  expect([await db().balance(a), await db().balance(b), await db().balance(c)]).toEqual([60, 40, 0])
})

test('a credit that failed does not pay for a later debit', async () => {
  const [empty, b, c, source] = [await wallet(), await wallet(), await wallet(), device()]
  const posted = await post(db().owner, [
    { source, no: 1, from: empty, to: b, amount: 10 },
    { source, no: 2, from: b, to: c, amount: 10 },
  ])
  expect(answers(posted)).toEqual(['insufficient_funds', 'insufficient_funds'])
})

test('a wallet that pays itself keeps its balance and still needs the funds', async () => {
  const [a, source] = [await wallet(50), device()]
  const posted = await post(db().owner, [
    { source, no: 1, from: a, to: a, amount: 50 },
    { source, no: 2, from: a, to: a, amount: 51 },
  ])
  expect(answers(posted)).toEqual(['posted', 'insufficient_funds'])
  expect(await db().balance(a)).toBe(50)
})

test('unknown and frozen wallets and other currencies fail with their reason, alone', async () => {
  const [payer, payee, euro, frozen, source] = [
    await wallet(1000),
    await wallet(),
    await wallet(0, { currency: 'EUR' }),
    await wallet(1000),
    device(),
  ]
  await db().owner.query('UPDATE wallet_core.accounts SET frozen = true WHERE wallet_id = $1', [frozen])
  const posted = await post(db().owner, [
    { source, no: 1, from: payer, to: 'nobody', amount: 1 },
    { source, no: 2, from: 'nobody', to: payee, amount: 1 },
    { source, no: 3, from: payer, to: euro, amount: 1 },
    { source, no: 4, from: payer, to: payee, amount: 1, currency: 'EUR' },
    { source, no: 5, from: frozen, to: payee, amount: 1 },
    { source, no: 6, from: payer, to: frozen, amount: 1 },
    { source, no: 7, from: payer, to: payee, amount: 1 },
  ])
  expect(answers(posted)).toEqual([
    'unknown_wallet',
    'unknown_wallet',
    'currency_mismatch',
    'currency_mismatch',
    'wallet_frozen',
    'wallet_frozen',
    'posted',
  ])
})

test('no payment reaches a system account, which has no floor', async () => {
  const [payer, source] = [await wallet(10), device()]
  const posted = await post(db().owner, [
    { source, no: 1, from: 'system:treasury:XOF', to: payer, amount: 1_000_000 },
    { source, no: 2, from: payer, to: 'system:treasury:XOF', amount: 1 },
  ])
  expect(answers(posted)).toEqual(['unknown_wallet', 'unknown_wallet'])
})

test('the same payment again is posted once and answers with the same transfer', async () => {
  const [payer, payee, source] = [await wallet(1000), await wallet(), device()]
  const batch = [1, 2, 3].map((no) => ({ source, no, from: payer, to: payee, amount: 100 }))
  const first = await post(db().owner, batch)
  const again = await post(db().owner, [...batch, { source, no: 4, from: payer, to: payee, amount: 100 }])
  expect(answers(again)).toEqual(['exists', 'exists', 'exists', 'posted'])
  expect(again.slice(0, 3).map((row) => row.transfer_id)).toEqual(first.map((row) => row.transfer_id))
  expect(await db().balance(payee)).toBe(400)
})

test('another payment under a posted identity is a conflict and moves nothing', async () => {
  const [payer, payee, source] = [await wallet(1000), await wallet(), device()]
  await post(db().owner, [{ source, no: 1, from: payer, to: payee, amount: 100 }])
  for (const other of [
    { source, no: 1, from: payer, to: payee, amount: 101 },
    { source, no: 1, from: payee, to: payer, amount: 100 },
    { source, no: 1, from: 'nobody', to: payee, amount: 100 },
  ]) {
    expect(await post(db().owner, [other])).toMatchObject([{ result: 'conflict', transfer_id: null }])
  }
  expect(await db().balance(payee)).toBe(100)
})

test('one identity twice in a batch is refused as a whole', async () => {
  const [payer, payee, source] = [await wallet(1000), await wallet(), device()]
  const twice = { source, no: 1, from: payer, to: payee, amount: 100 }
  await expect(post(db().owner, [twice, twice])).rejects.toThrow('one source twice')
  expect(await db().balance(payee)).toBe(0)
})

test('amounts near the largest stay exact', async () => {
  const most = Number.MAX_SAFE_INTEGER
  const [payer, payee, source] = [await wallet(most), await wallet(), device()]
  expect(answers(await post(db().owner, [{ source, no: 1, from: payer, to: payee, amount: most }]))).toEqual(['posted'])
  expect(await db().balance(payee)).toBe(most)
})

test('an amount of zero or less never reaches an account', async () => {
  const [payer, payee, source] = [await wallet(1000), await wallet(), device()]
  for (const amount of [0, -5]) {
    await expect(post(db().owner, [{ source, no: 1, from: payer, to: payee, amount }])).rejects.toThrow(
      /check constraint/,
    )
  }
  expect(await db().balance(payer)).toBe(1000)
})

test('funding is idempotent by its reference', async () => {
  const target = await wallet()
  const fund = () =>
    db().owner.query(
      "SELECT wallet_core.fund('grant', ARRAY[1]::bigint[], ARRAY[$1], ARRAY[70]::bigint[], 'XOF', now())",
      [target],
    )
  await fund()
  await fund()
  expect(await db().balance(target)).toBe(70)
})

test('a fee that would take more than the payee is given, or goes nowhere, is refused as a whole', async () => {
  const [payer, payee, source] = [await wallet(1000), await wallet(), device()]
  const pay = { source, no: 1, from: payer, to: payee, amount: 100 }
  const account = 'system:fees:POSTING:XOF'
  await expect(post(db().owner, [{ ...pay, fee: { amount: 1, bearer: 'payer', account } }])).rejects.toThrow('a fee')
  await db().owner.query("SELECT wallet_core.open_system_account($1, 'XOF')", [account])
  await expect(post(db().owner, [{ ...pay, fee: { amount: 101, bearer: 'payee', account } }])).rejects.toThrow('a fee')
  await expect(post(db().owner, [{ ...pay, fee: { amount: -1, bearer: 'payer', account } }])).rejects.toThrow('a fee')
  await expect(post(db().owner, [{ ...pay, fee: { amount: 1, bearer: 'payer', account: payee } }])).rejects.toThrow(
    'a fee',
  )
  expect(answers(await post(db().owner, [{ ...pay, fee: { amount: 100, bearer: 'payee', account } }]))).toEqual([
    'posted',
  ])
  expect([await db().balance(payer), await db().balance(payee), await db().balance(account)]).toEqual([900, 0, 100])
})

test('each type is between the kinds of accounts that it is for', async () => {
  const source = device()
  const of = async (kind: string) => wallet(1000, { kind })
  const [customer, merchant, agent] = [await of('customer'), await of('merchant'), await of('agent')]
  const kinds = { customer, merchant, agent }
  const allowed: Record<string, (from: string, to: string) => boolean> = {
    p2p: () => true,
    merchant: (_, to) => to !== 'customer',
    cashin: (from) => from === 'agent',
    cashout: (_, to) => to === 'agent',
    agent: (from, to) => from === 'agent' || to === 'agent',
  }
  let no = 0
  const all = Object.entries(allowed).flatMap(([type, may]) =>
    Object.entries(kinds).flatMap(([fromKind, from]) =>
      Object.entries(kinds).map(([toKind, to]) => {
        no += 1
        return { payment: { source, no, from, to, amount: 1, type }, expected: may(fromKind, toKind) }
      }),
    ),
  )
  const posted = answers(
    await post(
      db().owner,
      all.map(({ payment }) => payment),
    ),
  )
  expect(posted).toEqual(all.map(({ expected }) => (expected ? 'posted' : 'wallet_kind_mismatch')))
})
