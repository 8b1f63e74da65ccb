import { afterAll, beforeAll, expect, test } from 'vitest'
import { firstPolicy } from '../../../src/protocol/first-policies.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import type { Payment } from '../../../src/protocol/payment.ts'
import { DAY_MS, MINUTE_MS } from '../../../src/protocol/time.ts'
import { useDatabase } from '../../reconciler/database.ts'
import { expectWithin, Market } from './market.ts'

/** A till in the wrong hands: stolen unlocked, a crooked merchant's, or copied. */
const database = useDatabase()
let market: Market
beforeAll(async () => {
  market = await Market.start(database())
})
afterAll(() => market?.stop())

const POLICY = firstPolicy('SN')
const SMALL = amountMinor(5000)
const ago = (ms: number) => Math.floor((Date.now() - ms) / 1000) * 1000

/** What a payment out of a victim's wallet says, beside its sender: each a way to the money of people who said nothing. */
const WAYS: Readonly<Record<string, (friend: string) => Partial<Payment> & { readonly amount: Payment['amount'] }>> = {
  'a small sum to the till': () => ({ amount: amountMinor(POLICY.requirePayerProofAbove) }),
  'one more franc': () => ({ amount: amountMinor(POLICY.requirePayerProofAbove + 1) }),
  'all that there is': () => ({ amount: amountMinor(POLICY.maxOfflineAmount), approval: 'AGENT-1' }),
  'to a friend': (friend) => ({ amount: SMALL, type: 'p2p', receiver: friend }),
  'as cash': () => ({ amount: SMALL, type: 'cashout' }),
  'as cash that was brought': () => ({ amount: SMALL, type: 'cashin' }),
  'by an agent': () => ({ amount: SMALL, type: 'agent', approval: 'AGENT-1' }),
  'with a word that is no word': () => ({ amount: amountMinor(50_000), authorization: new Uint8Array(90) }),
  'of yesterday': () => ({ amount: SMALL, initiatedAtMs: ago(DAY_MS) }),
  'of three days ago': () => ({ amount: SMALL, initiatedAtMs: ago(3 * DAY_MS - MINUTE_MS) }),
  'of tomorrow': () => ({ amount: SMALL, initiatedAtMs: ago(-DAY_MS) }),
}

test.each(['merchant', 'agent', 'customer'] as const)(
  'of a %s moves nothing out of wallets whose holders said nothing',
  async (kind) => {
    const victims = await market.wallets('customer', 10)
    const [own = '', friend = ''] = await market.wallets(kind, 2)
    const thief = await market.thief(own, 'ops', 'ops-2')
    const words: string[] = []
    for (const how of [{}, { relay: true }, { hole: true }]) {
      for (const way of Object.values(WAYS)) {
        words.push(
          await thief.push(
            victims.map((victim) => thief.takes(victim, way(friend))),
            how,
          ),
        )
      }
    }
    expect(words, 'the attack reached the book').toContain('admitted')
    await market.rest(thief.admitted)
    expectWithin(`a till of a ${kind} against ten wallets`, await market.missing(victims), 0)
  },
)

test('takes of its own wallet what may come unseen, over all days that it can name', async () => {
  const [own = ''] = await market.wallets('merchant', 1, 5_000_000)
  const [friend = ''] = await market.wallets('customer', 1, 0)
  const thief = await market.thief(own, 'ops', 'ops-2')
  const BIG = { amount: amountMinor(40_000) }
  for (let day = 3; day >= 0; day--) {
    for (let n = 0; n < 8; n++) {
      const initiatedAtMs = ago(day * DAY_MS - (day === 3 ? 10 * MINUTE_MS : 0))
      await thief.push(
        Array.from({ length: 10 }, () => thief.takes(own, { ...BIG, type: 'p2p', receiver: friend, initiatedAtMs })),
      )
    }
  }
  await market.rest(thief.admitted)
  expectWithin(
    'a stolen till, of its own wallet',
    await market.missing([own], 5_000_000),
    POLICY.maxOfflineValueBetweenSyncs,
  )
})
