import { expect, test } from 'vitest'
import { type Book, newBook, openAccount, type RequestedTransfer } from '../../../sim/model/book.ts'
import { BookBroken } from '../../../sim/model/broken.ts'
import { feeOf } from '../../../sim/model/fees.ts'
import { fund, post } from '../../../sim/model/post.ts'

/** Ama has money, Kofi sells, and Efua sells cash. */
function opened(amaMinor: number): Book {
  const book = newBook()
  openAccount(book, 'ama', 'XOF')
  openAccount(book, 'kofi', 'XOF', 'merchant')
  openAccount(book, 'efua', 'XOF', 'agent')
  openAccount(book, 'fees', 'XOF', 'system')
  fund(book, 'start', 1, 'ama', amaMinor, 'XOF')
  return book
}

const payment = (sourceNo: number, amountMinor: number, over: Partial<RequestedTransfer> = {}): RequestedTransfer => ({
  ...{ sourceId: 'till', sourceNo, type: 'merchant', debit: 'ama', credit: 'kofi', amountMinor, currency: 'XOF' },
  ...over,
})
const balances = ({ accounts }: Book) => ['ama', 'kofi', 'fees'].map((wallet) => accounts.get(wallet)?.balanceMinor)
const results = (book: Book, ...batch: RequestedTransfer[]) =>
  post(book, 'payment', batch).map(({ result, reason }) => reason ?? result)

test('a source is posted once: the same again exists, with another content it is a conflict', () => {
  const book = opened(1000)
  expect(results(book, payment(1, 300))).toEqual(['posted'])
  expect(results(book, payment(1, 300))).toEqual(['exists'])
  expect(results(book, payment(1, 301))).toEqual(['conflict'])
  expect(results(book, payment(1, 300, { credit: 'efua' }))).toEqual(['conflict'])
  expect(balances(book)).toEqual([700, 300, 0])
  expect(() => post(book, 'payment', [payment(2, 1), payment(2, 1)])).toThrow(BookBroken)
})

test('nothing falls below its floor, to the last unit, and a credit counts for the debits after it', () => {
  const book = opened(1000)
  const back = payment(3, 400, { type: 'p2p', debit: 'kofi', credit: 'ama' })
  expect(results(book, payment(1, 1001), payment(2, 1000), back, payment(4, 401), payment(5, 400))).toEqual([
    'insufficient_funds',
    'posted',
    'posted',
    'insufficient_funds',
    'posted',
  ])
  expect(balances(book)).toEqual([0, 1000, 0])
})

test('what is held can be spent by its own payment alone', () => {
  const book = opened(1000)
  expect(results(book, payment(1, 600, { step: 'hold' }), payment(2, 500), payment(3, 400))).toEqual([
    'held',
    'insufficient_funds',
    'posted',
  ])
  expect(book.accounts.get('ama')).toMatchObject({ balanceMinor: 600, heldMinor: 600 })
  expect(post(book, 'payment', [payment(1, 600, { step: 'post' })])).toMatchObject([
    { result: 'posted', hold: 'posted' },
  ])
  expect(book.accounts.get('ama')).toMatchObject({ balanceMinor: 0, heldMinor: 0 })
})

test('a hold that ends without a posting gives back to those after it, also in the same batch', () => {
  const book = opened(1000)
  post(book, 'payment', [payment(1, 1000, { step: 'hold' })])
  expect(results(book, payment(2, 1), payment(1, 1000, { step: 'release' }), payment(3, 1))).toEqual([
    'insufficient_funds',
    'released',
    'posted',
  ])
  expect(() => post(book, 'payment', [payment(4, 10, { step: 'hold' }), payment(4, 10)])).toThrow(BookBroken)
})

test.each([
  ['payer', [690, 300, 10], [1000, 0, 0]],
  ['payee', [700, 290, 10], [1000, 0, 0]],
] as const)('a fee of the %s goes with its payment, and comes back with the reversal', (bearer, paid, reversed) => {
  const book = opened(1000)
  const fee = { minor: 10, bearer, account: 'fees' }
  expect(results(book, payment(1, 300, { fee }))).toEqual(['posted'])
  expect(balances(book)).toEqual(paid)
  const { type: _, ...back } = payment(1, 300, { debit: 'kofi', credit: 'ama', fee })
  expect(post(book, 'reversal', [back, { ...back, sourceNo: 2 }]).map(({ result }) => result)).toEqual([
    'posted',
    'failed',
  ])
  expect(balances(book)).toEqual(reversed)
  expect(post(book, 'reversal', [back])).toMatchObject([{ result: 'exists' }])
})

test('the payer’s fee needs funds like the amount', () => {
  const fee = { minor: 10, bearer: 'payer', account: 'fees' } as const
  expect(results(opened(1000), payment(1, 991, { fee }))).toEqual(['insufficient_funds'])
  expect(results(opened(1000), payment(1, 990, { fee }))).toEqual(['posted'])
})

test('a tariff counts from its day, is rounded half up, and takes from a payee no more than it gets', () => {
  const rule = {
    country: 'BJ',
    type: 'merchant',
    currency: 'XOF',
    flatMinor: 5,
    basisPoints: 50,
    bearer: 'payee',
  } as const
  const rules = [{ ...rule, effectiveFromMs: 100 }]
  const asked = { country: 'BJ', type: 'merchant', currency: 'XOF', receivedAtMs: 100 } as const
  expect(feeOf(rules, { ...asked, amountMinor: 99 })?.minor).toBe(5)
  expect(feeOf(rules, { ...asked, amountMinor: 100 })?.minor).toBe(6)
  expect(feeOf(rules, { ...asked, amountMinor: 3 })?.minor).toBe(3)
  expect(feeOf(rules, { ...asked, amountMinor: 100, receivedAtMs: 99 })).toBeUndefined()
})

test('what never can be posted says why, whatever the funds', () => {
  const book = opened(1000)
  openAccount(book, 'abena', 'GHS')
  const says = (over: Partial<RequestedTransfer>, no: number) => results(book, payment(no, 5000, over))[0]
  expect(says({ debit: 'nobody' }, 1)).toBe('unknown_wallet')
  // To a device the account without a floor is unknown.
  expect(says({ debit: 'system:treasury:XOF' }, 2)).toBe('unknown_wallet')
  expect(says({ debit: 'abena' }, 3)).toBe('currency_mismatch')
  expect(says({ type: 'cashout' }, 4)).toBe('wallet_kind_mismatch')
  const kofi = book.accounts.get('kofi')
  if (kofi !== undefined) kofi.frozen = true
  expect(says({}, 5)).toBe('wallet_frozen')
})

test('a book that does not sum to zero is taken for broken', () => {
  const book = opened(1000)
  const ama = book.accounts.get('ama')
  if (ama !== undefined) ama.balanceMinor += 1
  expect(() => post(book, 'payment', [payment(1, 1)])).toThrow('XOF sums to zero')
})
