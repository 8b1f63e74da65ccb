import { HOUR_MS, MINUTE_MS } from '../../../src/protocol/time.ts'
import type { Intent } from '../actor.ts'
import type { Dice } from '../dice.ts'
import { hour, price, rounded } from './amounts.ts'

/** Somebody with a device, and those whom they know. */
export interface Person {
  readonly dice: Dice
  readonly wallet: string
  /** Who comes, or is sent money to, again and again; the first most often. */
  readonly regulars: readonly string[]
  readonly suppliers: readonly string[]
  /** Somebody who was never here before. */
  stranger(): string
  /** Prices against others of the same trade. */
  readonly scale: number
}

export interface Day {
  readonly day: number
  readonly startMs: number
  /** 1 is an ordinary day. */
  readonly busyness: number
}

type Trade = (who: Person, day: Day) => Intent[]

/** Share of customers who pay small sums with a phone that signs. What needs a signature is not taken without. */
const SIGNING = 0.3
/** Share of unsigned debits that find an empty wallet; a phone that signs knows its balance. */
const EMPTY = 0.02

const sale = (who: Person, atMs: number, amount: number, regular: number): Intent => {
  const { dice } = who
  const sender = dice.chance(regular) ? dice.favourite(who.regulars) : who.stranger()
  const signed = amount > 10_000 || dice.chance(SIGNING)
  return {
    type: 'merchant',
    amount,
    sender,
    receiver: who.wallet,
    atMs,
    signed,
    unfunded: !signed && dice.chance(EMPTY),
  }
}

const at = (dice: Dice, { startMs }: Day): number => startMs + hour(dice) * 1000

const sales = (who: Person, day: Day, count: number, scale: number, regular: number): Intent[] =>
  Array.from({ length: who.dice.times(count * day.busyness) }, () =>
    sale(who, at(who.dice, day), price(who.dice, 'merchant', scale * who.scale), regular),
  )

/** Goods are paid from the till's wallet, to a few suppliers and now and then to a new one. */
function restock(who: Person, day: Day, chance: number, scale: number): Intent[] {
  const { dice } = who
  if (!dice.chance(chance)) return []
  const receiver = dice.chance(0.9) ? dice.favourite(who.suppliers) : who.stranger()
  const amount = rounded(25_000 * scale * who.scale * dice.factor(0.5), 500)
  return [{ type: 'merchant', amount, sender: who.wallet, receiver, atMs: at(dice, day) }]
}

const stall: Trade = (who, day) => [...sales(who, day, 30, 0.2, 0.6), ...restock(who, day, 0.1, 0.5)]
const shop: Trade = (who, day) => [...sales(who, day, 18, 0.8, 0.7), ...restock(who, day, 0.25, 1)]
const pharmacy: Trade = (who, day) => [...sales(who, day, 22, 0.6, 0.3), ...restock(who, day, 0.15, 1.5)]
const wholesaler: Trade = (who, day) => [...sales(who, day, 6, 3, 0.8), ...restock(who, day, 0.3, 2)]

/** Fares of a few prices, in two rushes: a bus that fills is fifteen payments in two minutes. */
const transport: Trade = (who, day) => {
  const { dice } = who
  const fares = [150, 200, 250, 300, 500]
  return [7, 17.5].flatMap((rush) =>
    Array.from({ length: dice.times(1.6 * day.busyness) }, () => {
      const fillsMs = day.startMs + (rush + dice.between(-0.5, 2)) * HOUR_MS
      return Array.from({ length: dice.int(6, 15) }, () =>
        sale(who, fillsMs + dice.between(0, 2) * MINUTE_MS, dice.pick(fares), 0.3),
      )
    }).flat(),
  )
}

/** Cash in and out, whole hundreds; every few days cash for the float goes to, or comes from, the dealer. */
const agent: Trade = (who, day) => {
  const { dice } = who
  const cash = Array.from({ length: dice.times(28 * day.busyness) }, (): Intent => {
    const customer = dice.chance(0.5) ? dice.favourite(who.regulars) : who.stranger()
    const atMs = at(dice, day)
    return dice.chance(0.5)
      ? { type: 'cashin', amount: price(dice, 'cashin', who.scale, 500), sender: who.wallet, receiver: customer, atMs }
      : {
          type: 'cashout',
          amount: price(dice, 'cashout', who.scale, 500),
          sender: customer,
          receiver: who.wallet,
          atMs,
          signed: true,
        }
  })
  if (!dice.chance(0.3)) return cash
  const dealer = who.suppliers[0] as string
  return [
    ...cash,
    {
      type: 'agent',
      amount: rounded(dice.between(20_000, 75_000), 5000),
      sender: who.wallet,
      receiver: dealer,
      atMs: at(dice, day),
    },
  ]
}

/** Family and friends, rent at the start of the month, and now and then somebody new. */
const phone: Trade = (who, day) => {
  const { dice } = who
  const transfers = Array.from({ length: dice.times(1.5 * day.busyness) }, (): Intent => {
    const receiver = dice.chance(0.92) ? dice.favourite(who.regulars.slice(0, 5)) : who.stranger()
    return { type: 'p2p', amount: price(dice, 'p2p', who.scale), sender: who.wallet, receiver, atMs: at(dice, day) }
  })
  const rent: Intent[] =
    ((day.day % 30) + 30) % 30 === 4
      ? [
          {
            type: 'p2p',
            amount: rounded(25_000 * who.scale * dice.between(1, 2), 5000),
            sender: who.wallet,
            receiver: who.suppliers[0] as string,
            atMs: at(dice, day),
          },
        ]
      : []
  const fees: Intent[] = dice.chance(0.015)
    ? [
        {
          type: 'p2p',
          amount: rounded(dice.between(20_000, 60_000), 1000),
          sender: who.wallet,
          receiver: who.stranger(),
          atMs: at(dice, day),
        },
      ]
    : []
  return [...transfers, ...rent, ...fees]
}

/** A savings circle: on its day ten to fifteen members pay the same sum to who collects, and one of them gets the pot. */
const tontine: Trade = (who, day) => {
  const { dice } = who
  const ordinary = phone(who, day)
  if (day.day % 7 !== 5) return ordinary
  const members = who.regulars.slice(0, 10 + (Math.floor(who.scale * 5) % 6))
  const share = who.scale > 1 ? 5000 : 2000
  const paid = members.map((sender): Intent => {
    return { type: 'p2p', amount: share, sender, receiver: who.wallet, atMs: at(dice, day), signed: dice.chance(0.5) }
  })
  const pot: Intent = {
    type: 'p2p',
    amount: rounded(share * members.length),
    sender: who.wallet,
    receiver: dice.pick(members),
    atMs: day.startMs + 19.5 * HOUR_MS,
  }
  return [...ordinary, ...paid, pot]
}

/** Wages once a month, to eight to fourteen people. */
const employer: Trade = (who, day) => {
  const { dice } = who
  const goods = restock(who, day, 0.2, 1)
  if (((day.day % 30) + 30) % 30 !== 28) return [...phone(who, day), ...goods]
  const start = at(dice, day)
  const wages = who.suppliers.slice(0, 8 + (Math.floor(who.scale * 10) % 7))
  return wages.map((receiver, index): Intent => {
    const amount = rounded(20_000 * who.scale * dice.between(1, 1.5), 1000)
    return { type: 'p2p', amount, sender: who.wallet, receiver, atMs: start + index * 2 * MINUTE_MS }
  })
}

export const TRADES = { stall, transport, shop, pharmacy, wholesaler, agent, phone, tontine, employer } as const
export type TradeName = keyof typeof TRADES

/** Of a hundred devices. */
export const SHARES: Record<TradeName, number> = {
  ...{ stall: 26, transport: 12, shop: 18, pharmacy: 8, wholesaler: 5, agent: 12, phone: 16, tontine: 2, employer: 1 },
}
