import { expect, test } from 'vitest'
import { useDatabase } from '../../reconciler/database.ts'
import { answers, expectSoundBook, post } from './book.ts'

const db = useDatabase()

test('opposing transfers between the same wallets in parallel do not deadlock', async () => {
  for (const name of ['a', 'b', 'c']) await db().open(name, 1_000_000)
  const pairs = [
    ['a', 'b'],
    ['b', 'a'],
    ['b', 'c'],
    ['c', 'a'],
  ] as const
  const batches = Array.from({ length: 60 }, (_, batch) =>
    Array.from({ length: 20 }, (_, no) => {
      const [from, to] = pairs[(batch + no) % pairs.length] ?? ['a', 'b']
      return { source: `POS-${batch}`, no: no + 1, from, to, amount: 1 + ((batch * 7 + no) % 50) }
    }),
  )
  const results = await Promise.all(batches.map((batch) => post(db().owner, batch)))
  expect(new Set(results.flatMap(answers))).toEqual(new Set(['posted']))
  await expectSoundBook(db().app)
})

test('the same batch from many sides at once is posted once', async () => {
  await db().open('payer', 10_000)
  await db().open('payee')
  const batch = Array.from({ length: 50 }, (_, i) => ({
    source: 'SAME',
    no: i + 1,
    from: 'payer',
    to: 'payee',
    amount: 10,
  }))
  const results = await Promise.all(Array.from({ length: 8 }, () => post(db().owner, batch)))
  expect(results.flatMap(answers).filter((answer) => answer === 'posted')).toHaveLength(50)
  expect(await db().balance('payee')).toBe(500)
  await expectSoundBook(db().app)
})

test('parallel payments never take a wallet below its floor', async () => {
  await db().open('poor', 100)
  await db().open('rich')
  const results = await Promise.all(
    Array.from({ length: 30 }, (_, i) =>
      post(db().owner, [{ source: `F-${i}`, no: 1, from: 'poor', to: 'rich', amount: 7 }]),
    ),
  )
  expect(results.flatMap(answers).filter((answer) => answer === 'posted')).toHaveLength(14)
  expect(await db().balance('poor')).toBe(2)
  await expectSoundBook(db().app)
})
