import { afterAll, beforeAll, expect, test } from 'vitest'
import { compressKey } from '../../../src/crypto/compressed-key.ts'
import { encodeEdgeHeader } from '../../../src/crypto/sign1.ts'
import { ES256, encodeSign1, parseSign1 } from '../../../src/protocol/cose.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { decodePass, encodePass, type Pass } from '../../../src/protocol/pass.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { DAY_MS, HOUR_MS } from '../../../src/protocol/time.ts'
import { authorized, unverified } from '../../kit/authorization.ts'
import { randomBytes } from '../../kit/device.ts'
import { signedBy } from '../../kit/payers.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { expectWithin, Market } from './market.ts'
import type { Thief } from './thief.ts'

/** A crooked merchant whose customers sign with their phones: each payment is not the one that the phone has shown. */
const database = useDatabase()
let market: Market
beforeAll(async () => {
  market = await Market.start(database())
})
afterAll(() => market?.stop())

interface Scene {
  /** The phone that the payer has confirmed with, and the pass that the edge gave it. */
  readonly phone: Thief
  readonly pass: Uint8Array
  /** The merchant's till, and an accomplice's. */
  readonly till: Thief
  readonly other: Thief
  /** A phone of the merchant's own, with money and a pass of its own. */
  readonly own: Thief
  readonly ownPass: Uint8Array
}
type Trick = (asked: Payment, scene: Scene) => Promise<Payment> | Payment

const AMOUNT = amountMinor(12_000)

/** The edge's signature stays, and what it is over says something else. */
function bent(pass: Uint8Array, over: Partial<Pass>): Uint8Array {
  const sign1 = parseSign1(pass)
  return encodeSign1({ ...sign1, payload: encodePass({ ...decodePass(sign1.payload), ...over }) })
}
const claims = (pass: Uint8Array) => decodePass(parseSign1(pass).payload)

/** The payer's phone signs what it is asked, and its pass is bent in one field. */
const bending =
  (over: (pass: Pass, scene: Scene) => Partial<Pass>): Trick =>
  (asked, scene) =>
    signedBy(scene.phone.device, asked, { shown: bent(scene.pass, over(claims(scene.pass), scene)) })

const TRICKS: Readonly<Record<string, Trick>> = {
  'another amount': (asked, { phone, pass }) =>
    signedBy(phone.device, asked, { shown: pass, over: { amount: amountMinor(120) } }),
  'another receiver': (asked, { phone, pass, other }) =>
    signedBy(phone.device, asked, { shown: pass, over: { receiver: other.wallet } }),
  'another type': (asked, { phone, pass }) => signedBy(phone.device, asked, { shown: pass, over: { type: 'p2p' } }),
  'another currency': (asked, { phone, pass }) =>
    signedBy(phone.device, asked, { shown: pass, over: { currency: currency('GNF') } }),
  'an answer to another till': (asked, { phone, pass, other }) =>
    authorized(phone.device, asked, other.device.id, { shown: pass }),
  'an answer of yesterday': (asked, { phone, pass }) =>
    signedBy(phone.device, asked, { shown: pass, header: { signedAtMs: asked.initiatedAtMs - DAY_MS } }),
  'an answer of an hour ago': (asked, { phone, pass }) =>
    signedBy(phone.device, asked, { shown: pass, header: { signedAtMs: asked.initiatedAtMs - HOUR_MS } }),
  'an answer of tomorrow': (asked, { phone, pass }) =>
    signedBy(phone.device, asked, { shown: pass, header: { signedAtMs: asked.initiatedAtMs + DAY_MS } }),
  'the pass of another phone': (asked, { phone, ownPass }) => signedBy(phone.device, asked, { shown: ownPass }),
  'the word of another phone': (asked, { own, pass }) => signedBy(own.device, asked, { shown: pass }),
  'another phone and its pass': (asked, { own, ownPass }) => signedBy(own.device, asked, { shown: ownPass }),
  'a pass that is made up': (asked) => unverified(asked),
  'a pass that the till has signed': (asked, { till, own, pass }) => {
    const { protectedBytes, payload } = parseSign1(pass)
    const signature = randomBytes(64)
    return signedBy(
      own.device,
      { ...asked, sender: till.wallet },
      { shown: encodeSign1({ protectedBytes, payload, signature }) },
    )
  },
  'no pass': async (asked, { phone, till, pass }) => {
    const { pass: _, ...without } = await authorized(phone.device, asked, till.device.id, { shown: pass })
    return without
  },
  'a signature of nothing': async (asked, { phone, till, pass }) => {
    const signed = await authorized(phone.device, asked, till.device.id, { shown: pass })
    return { ...signed, authorization: signed.authorization?.slice().fill(0, -64) as Uint8Array }
  },
  'a place under no allowance': (asked, { phone, pass }) =>
    signedBy(phone.device, asked, { shown: pass, header: { covered: { n: 1, spent: AMOUNT } } }),
  'a pass of another wallet, bent to the payer’s': (asked, { own, ownPass }) =>
    signedBy(own.device, asked, { shown: bent(ownPass, { wallet: asked.sender }) }),
  'a pass with another device': bending((_, { own }) => ({ deviceId: own.device.id })),
  'a pass with another key': (asked, { own, pass }) =>
    signedBy(own.device, asked, { shown: bent(pass, { key: compressKey(own.device.signer.key) as Uint8Array }) }),
  'a pass that began earlier': bending(({ fromMs, untilMs }) => ({
    fromMs: fromMs - DAY_MS,
    untilMs: untilMs - DAY_MS,
  })),
  'a pass that ends later': bending(({ fromMs, untilMs }) => ({
    fromMs: fromMs + HOUR_MS,
    untilMs: untilMs + HOUR_MS,
  })),
  'a pass that ends sooner': bending(({ untilMs }) => ({ untilMs: untilMs - HOUR_MS })),
  'a pass of another currency': bending(() => ({ currency: currency('GNF') })),
  'a pass for more': bending(({ paymentMax }) => ({ paymentMax: amountMinor(paymentMax + 1) })),
  'a pass of a better key': bending(() => ({ level: 'strongbox' })),
  'a pass with an allowance': (asked, { phone, pass }) =>
    signedBy(phone.device, asked, {
      shown: bent(pass, { allowance: { no: 1, ceiling: amountMinor(50_000) } }),
      header: { covered: { n: 1, spent: AMOUNT } },
    }),
  'a pass by another key of the edge': (asked, { phone, pass }) => {
    const sign1 = parseSign1(pass)
    return signedBy(phone.device, asked, {
      shown: encodeSign1({ ...sign1, protectedBytes: encodeEdgeHeader(ES256, randomBytes(8)) }),
    })
  },
}

async function scene(): Promise<Scene> {
  const [payer = '', crook = ''] = await market.wallets('customer', 2)
  const [shop = '', friend = ''] = await market.wallets('merchant', 2, 0)
  const [phone, own] = [await market.phone(payer), await market.phone(crook)]
  const [till, other] = [await market.thief(shop, 'ops', 'ops-2'), await market.thief(friend, 'ops', 'ops-2')]
  const [pass, ownPass] = [await phone.pass(), await own.pass()]
  if (pass === undefined || ownPass === undefined) throw new Error('a phone that pays has no pass')
  return { phone, pass, till, other, own, ownPass }
}

test('shows the payer something else than he brings: nothing moves, and the receipt says so', async () => {
  const at = await scene()
  const { phone, till, pass, own } = at
  const names = Object.keys(TRICKS)
  // Each at the till by itself, and all of them in one bundle.
  const said: [string, string | undefined][] = []
  const brought: Payment[] = []
  for (const [name, trick] of Object.entries(TRICKS)) {
    const payment = await trick(till.takes(phone.wallet, { amount: AMOUNT }), at)
    const word = await till.push([payment])
    said.push([name, word === 'admitted' ? till.refused.get(payment.counter) : word])
  }
  for (const trick of Object.values(TRICKS)) brought.push(await trick(till.takes(phone.wallet, { amount: AMOUNT }), at))
  expect(await till.push(brought)).toBe('admitted')
  await market.rest(till.admitted)
  expectWithin(`a merchant with ${names.length} tricks`, await market.missing([phone.wallet, own.wallet]), 0)
  expect(said).toEqual(names.map((name) => [name, 'payer_not_proven']))
  expect(brought.map(({ counter }) => till.refused.get(counter))).toEqual(names.map(() => 'payer_not_proven'))
  // The road is open: what the phone has shown moves.
  await till.push([signedBy(phone.device, till.takes(phone.wallet, { amount: AMOUNT }), { shown: pass })])
  await market.rest(till.admitted)
  expect(await market.missing([phone.wallet])).toBe(Number(AMOUNT))
})

test('brings one answer again and again, at its own till and at an accomplice’s: it pays once', async () => {
  const { phone, till, other, pass } = await scene()
  const asked = till.takes(phone.wallet, { amount: AMOUNT })
  const signed = await authorized(phone.device, asked, till.device.id, { shown: pass })
  const again = () => ({ ...signed, counter: till.device.counter++ })
  expect(await till.push([signed, again(), again()])).toBe('admitted')
  for (let n = 0; n < 3; n++) await till.push([again()])
  await other.push([{ ...signed, counter: other.device.counter++ }])
  expect([...other.refused.values()]).toEqual(['payer_not_proven'])
  await market.rest([...till.admitted, ...other.admitted])
  expectWithin('a merchant who brings one answer seven times', await market.missing([phone.wallet]), Number(AMOUNT))
})
