import { concatBytes, fromHex } from '../../src/protocol/bytes.ts'
import { type CborKey, type CborValue, encodeCbor, Tagged } from '../../src/protocol/cbor.ts'

/** Payloads (docs/protocol.md §4.1) that break one rule each. What a good one looks like, and each bend of it: */
const TIME = 1_790_000_000
export const GOOD_PAYLOAD: readonly CborValue[] = [1, TIME, 'XOF', ['W-A', 'W-B'], [[1, 2500, 0, 1, 0]]]

type Named = readonly [what: string, bytes: Uint8Array]
/** The field that is named as the fault. */
type NamedField = readonly [...Named, field: string]

/** What is wrong concerns all payments of the bundle. */
export function badPayloads(): Named[] {
  return [...fields(), ...parties(), ...payments(), ...encodings()]
}

/** The first payment, counter 1, is wrong, and nothing else is. */
export function badPayments(): NamedField[] {
  return [...badParties(), ...badValues(), ...badExtras()]
}

const bent = (at: number, value: CborValue) => encodeCbor(GOOD_PAYLOAD.with(at, value))
const payment = (...values: CborValue[]) => bent(4, [values])
const extra = (...entries: [CborKey, CborValue][]) => payment(1, 2500, 0, 1, 0, new Map(entries))
const many = (count: number) => Array.from({ length: count }, (_, i) => `W-${i}`)
const UUID = '0189d2a4-7b1c-4d2e-8f3a-0123456789ab'

function fields(): Named[] {
  return [
    ['no list', encodeCbor(new Map([[1, 1]]))],
    ['a tagged list', encodeCbor(new Tagged(18, GOOD_PAYLOAD))],
    ['four fields', encodeCbor(GOOD_PAYLOAD.slice(0, 4))],
    ['seven fields', encodeCbor([...GOOD_PAYLOAD, 1, 1])],
    ['counter 0', bent(0, 0)],
    ['a negative counter', bent(0, -1)],
    ['a counter of 2^32', bent(0, 2 ** 32)],
    ['a counter of 2^32 - 1', bent(0, 2 ** 32 - 1)],
    ['a counter of 2^32 - 2^16 + 1', bent(0, 2 ** 32 - 2 ** 16 + 1)],
    [
      'counters that run over 2^32 - 2^16',
      encodeCbor(GOOD_PAYLOAD.with(0, 2 ** 32 - 2 ** 16).with(4, [[1, 1, 0, 1, 0], null])),
    ],
    ['the counter as text', bent(0, '1')],
    ['a negative time', bent(1, -1)],
    ['a time beyond 2^40', bent(1, 2 ** 40 + 1)],
    ['a base time of nothing but voided payments', encodeCbor(GOOD_PAYLOAD.with(1, 5).with(4, [null, null]))],
    ['a base time that is not the first payment’s', payment(1, 2500, 0, 1, 60)],
    ['a currency of two letters', bent(2, 'XO')],
    ['a currency in lower case', bent(2, 'xof')],
    ['a currency as bytes', bent(2, fromHex('584f46'))],
    ['no currency', bent(2, null)],
    ['a clock as a list', encodeCbor([...GOOD_PAYLOAD, [1]])],
    ['a clock as text', encodeCbor([...GOOD_PAYLOAD, '1'])],
    ['a clock before 1970', encodeCbor([...GOOD_PAYLOAD, -TIME - 1])],
    ['a clock beyond 2^40', encodeCbor([...GOOD_PAYLOAD, 2 ** 40])],
    ['a null clock', encodeCbor([...GOOD_PAYLOAD, null])],
  ]
}

function parties(): Named[] {
  return [
    ['parties as a map', bent(3, new Map([[0, 'W-A']]))],
    ['a party twice', bent(3, ['W-A', 'W-A'])],
    ['a UUID twice', bent(3, [new Uint8Array(16), new Uint8Array(16)])],
    ['301 parties', bent(3, many(301))],
  ]
}

function badParties(): NamedField[] {
  return [
    ['an empty party', bent(3, ['', 'W-B']), 'sender'],
    ['a party of 65 characters', bent(3, ['W-A', 'W'.repeat(65)]), 'receiver'],
    ['a party with a space', bent(3, ['W A', 'W-B']), 'sender'],
    ['a party with a line end', bent(3, ['W-A\n', 'W-B']), 'sender'],
    ['a party with a zero byte', bent(3, ['W-A\0', 'W-B']), 'sender'],
    ['a party outside ASCII', bent(3, ['W-Á', 'W-B']), 'sender'],
    ['a party as number', bent(3, [221770000000, 'W-B']), 'sender'],
    ['a party of 15 bytes', bent(3, ['W-A', new Uint8Array(15)]), 'receiver'],
    ['a UUID as text', bent(3, [UUID, 'W-B']), 'sender'],
  ]
}

function payments(): Named[] {
  return [
    ['no payment', bent(4, [])],
    ['101 payments', bent(4, new Array(101).fill([1, 2500, 0, 1, 0]))],
    ['payments as a map', bent(4, new Map([[0, null]]))],
    ['a voided payment as false', bent(4, [[1, 2500, 0, 1, 0], false])],
    ['a payment of four', payment(1, 2500, 0, 1)],
    ['a payment of seven', payment(1, 2500, 0, 1, 0, new Map([[2, 'A']]), 0)],
    [
      'a payment before 1970',
      bent(4, [
        [1, 1, 0, 1, 0],
        [1, 1, 0, 1, -TIME - 1],
      ]),
    ],
    [
      'a payment beyond 2^40',
      bent(4, [
        [1, 1, 0, 1, 0],
        [1, 1, 0, 1, 2 ** 40],
      ]),
    ],
    ['the elapsed time as text', bent(4, [[1, 1, 0, 1, '0']])],
  ]
}

function badValues(): NamedField[] {
  return [
    ['type 6', payment(6, 2500, 0, 1, 0), 'type'],
    ['a refund of nothing', payment(5, 2500, 0, 1, 0), 'refund_of'],
    ['a refund of payment 0', payment(5, 2500, 0, 1, 0, new Map([[5, 0]])), 'refund_of'],
    ['a refund of a device', payment(5, 2500, 0, 1, 0, new Map([[5, ['POS-1']]])), 'refund_of'],
    ['a refund of no device’s payment', payment(5, 2500, 0, 1, 0, new Map([[5, ['..', 1]]])), 'refund_of'],
    ['a refund of three things', payment(5, 2500, 0, 1, 0, new Map([[5, ['POS-1', 1, 1]]])), 'refund_of'],
    ['type 7 by qr', payment(15, 2500, 0, 1, 0), 'type'],
    ['method 3', payment(24, 2500, 0, 1, 0), 'kind'],
    ['a negative kind', payment(-1, 2500, 0, 1, 0), 'kind'],
    ['amount 0', payment(1, 0, 0, 1, 0), 'amount'],
    ['a negative amount', payment(1, -2500, 0, 1, 0), 'amount'],
    ['the amount as text', payment(1, '2500', 0, 1, 0), 'amount'],
    ['a sender who is not among the parties', payment(1, 2500, 2, 1, 0), 'sender'],
    ['a receiver who is not among the parties', payment(1, 2500, 0, 2, 0), 'receiver'],
    ['a sender by name', payment(1, 2500, 'W-A', 1, 0), 'sender'],
    ['a negative sender', payment(1, 2500, -1, 1, 0), 'sender'],
    ['no receiver', payment(1, 2500, 0, null, 0), 'receiver'],
  ]
}

function badExtras(): NamedField[] {
  return [
    ['an empty extra', extra(), 'extra'],
    ['a null extra', payment(1, 2500, 0, 1, 0, null), 'extra'],
    ['an unknown extra', extra([6, 1]), 'extra: unknown key'],
    ['a payment that gives back another one', extra([5, 1]), 'refund_of'],
    ['an extra by name', extra(['approval', 'A']), 'extra: unknown key'],
    ['a merchant who is not among the parties', extra([1, 2]), 'merchant_id'],
    ['an approval as text', extra([2, 'AGENT-7']), 'approval'],
    ['an approval of 641 bytes', extra([2, new Uint8Array(641)]), 'approval'],
    ['an approval as number', extra([2, 1]), 'approval'],
    ['an authorization as text', extra([3, 'A']), 'authorization'],
    ['an authorization of 1025 bytes', extra([3, new Uint8Array(1025)]), 'authorization'],
    ['meta as a list', extra([4, []]), 'meta'],
    ['a meta key that is a number', extra([4, new Map([[1, 'a']])]), 'meta'],
    ['nested meta', extra([4, new Map([['a', new Map([['b', 1]])]])]), 'meta'],
    ['a list in meta', extra([4, new Map([['a', [1]]])]), 'meta'],
    ['null in meta', extra([4, new Map([['a', null]])]), 'meta'],
    ['bytes in meta', extra([4, new Map([['a', fromHex('00')]])]), 'meta'],
    ['a negative number in meta', extra([4, new Map([['a', -1]])]), 'meta'],
    ['meta of 1025 bytes', extra([4, new Map([['a', 'x'.repeat(1019)]])]), 'meta'],
  ]
}

/** The good payload with its extra, or its amount, put in as hex. */
const good = encodeCbor(GOOD_PAYLOAD)
export const withExtra = (hex: string) => {
  // …, [[1, 2500, 0, 1, 0, <extra>]]: the payment's own length grows from 5 to 6.
  const longer = good.with(-8, 0x86)
  return concatBytes(longer, fromHex(hex))
}
export const withAmount = (hex: string) => concatBytes(good.slice(0, -6), fromHex(hex), good.slice(-3))

/** The good payload in other than the one deterministic encoding. */
function encodings(): Named[] {
  const rest = good.slice(2)
  const tail = good.slice(0, -1)
  return [
    ['bytes after the payload', concatBytes(good, fromHex('00'))],
    ['a cut payload', tail],
    ['a counter written longer than needed', concatBytes(fromHex('851801'), rest)],
    ['a counter as float', concatBytes(fromHex('85f93c00'), rest)],
    ['a list of indefinite length', concatBytes(fromHex('9f'), good.slice(1), fromHex('ff'))],
    ['an elapsed time of minus zero', concatBytes(tail, fromHex('f98000'))],
    ['undefined for elapsed', concatBytes(tail, fromHex('f7'))],
    ['an amount of 2^53', withAmount('1b0020000000000000')],
    ['extras out of order', withExtra('a20261410100')],
    ['an extra twice', withExtra('a201000100')],
    ['a number of 2^53 in meta', withExtra('a104a161611b0020000000000000')],
    ['bad UTF-8 in meta', withExtra('a104a1616161ff')],
    ['meta with a key twice', withExtra('a104a2616101616102')],
  ]
}
