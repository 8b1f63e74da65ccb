import type { AllowanceCount } from '../../dev/fleet/allowance-count.ts'
import type { PayerPhone } from '../../dev/fleet/payer.ts'
import type { Covered } from '../../src/protocol/authorization.ts'
import { amountMinor } from '../../src/protocol/money.ts'
import { decodePaymentRequest } from '../../src/protocol/payment-request.ts'
import type { SimDevice } from '../people/device.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import { takeSigned } from './counter.ts'
import { letGo, openedFor } from './covered.ts'
import { insistently } from './insistently.ts'
import type { Operation } from './operation.ts'
import { alive } from './take.ts'

/** What a phone signs, amount and place, one till after the other: no till sees more than one of them. */
interface Signed {
  readonly amount: number
  readonly place: Covered
}

const signed = (amount: number, n: number, spent: number): Signed => ({
  amount,
  place: { n, spent: amountMinor(spent) },
})

type Cheat = (count: AllowanceCount, random: Random) => readonly Signed[]

const CHEATS: Readonly<Record<string, Cheat>> = {
  'one place at two tills': ({ n, spent, ceiling }) => {
    const amount = Math.max(1, ceiling - spent)
    return [signed(amount, n + 1, spent + amount), signed(amount, n + 1, spent + amount)]
  },
  'from a state that was restored': ({ n, spent, ceiling }) => {
    const [one, other] = [
      Math.max(1, Math.floor((ceiling - spent) / 3)),
      Math.max(1, Math.floor((ceiling - spent) / 2)),
    ]
    return [signed(one, n + 1, spent + one), signed(other, n + 1, spent + other)]
  },
  'sums that do not follow': ({ n, spent, ceiling }) => {
    const amount = Math.max(1, Math.floor((ceiling - spent) / 2))
    return [signed(amount, n + 1, spent + amount), signed(amount, n + 2, spent + amount)]
  },
}

/** The holder of a phone has more signed than is held: each till sees what could be true. */
export const cheatWithPhone: Operation = {
  weight: 1.5,
  async run(world, device, random) {
    const phone = random.pick([...world.phones.values()])
    const count = await openedFor(world, device, phone, random)
    if (count === undefined) return `(${phone.deviceId}) has nothing held`
    const what = random.pick([...Object.keys(CHEATS), AFTER_CLOSING])
    const said: string[] = []
    if (what === AFTER_CLOSING) said.push(await letGo(device, phone, count))
    count.isFalse = true
    const all = CHEATS[what]?.(count, random) ?? afterClosing(count)
    const first = random.between(0, world.devices.length - 1)
    for (const [i, one] of all.entries())
      said.push(await show(world, world.devices[(first + i) % world.devices.length] ?? device, phone, one, random))
    count.n += all.length
    // People look at it and let it go on: it is convicted of this once.
    await world.scheduler.sleep(random.between(60_000, 600_000))
    if (random.chance(0.5)) said.push(`reactivated: ${await change(world, phone, 'reactivate', random)}`)
    return `(${phone.deviceId}) signs ${what} under allowance ${count.no}: ${said.join('; ')}`
  },
}

const AFTER_CLOSING = 'on after it was closed'
const afterClosing = ({ n, spent, ceiling }: AllowanceCount) => {
  const amount = Math.max(1, Math.floor((ceiling - spent) / 2))
  return [signed(amount, n + 1, spent + amount)]
}

/**
 * A phone is stolen and reported, and whoever has it pays on, at tills that have not heard of that: each place again and again. All of
 * that together is no more than was held.
 */
export const payWithStolenPhone: Operation = {
  weight: 1,
  async run(world, device, random) {
    const phone = random.pick([...world.phones.values()])
    const count = await openedFor(world, device, phone, random)
    if (count === undefined) return `(${phone.deviceId}) has nothing held`
    const how = random.pick(['suspend', 'revoke'] as const)
    const came = await change(world, phone, how, random)
    await world.scheduler.sleep(random.between(60_000, 300_000))
    const registered = (await world.book.devices()).find(({ id }) => id === phone.deviceId)
    // Until the book has heard of it, it is still its holder's phone.
    if (registered?.status !== 'suspended' && registered?.status !== 'revoked') return `(${phone.deviceId}) ${came}`
    count.isFalse = true
    const amount = Math.max(1, count.ceiling - count.spent)
    const one = signed(amount, count.n + 1, count.spent + amount)
    count.n += 1
    const before = new Set(world.covered.keys())
    const said: string[] = []
    for (const till of world.devices) said.push(await show(world, till, phone, one, random))
    for (const [localId, { phone: by }] of world.covered) {
      if (by === phone && !before.has(localId)) world.stolen.set(localId, { phone, no: count.no })
    }
    return `(${phone.deviceId}) is ${registered.status}, and pays on under allowance ${count.no}: ${said.join('; ')}`
  },
}

async function show(world: World, till: SimDevice, phone: PayerPhone, { amount, place }: Signed, random: Random) {
  await alive(till)
  const offered = { type: 'merchant', amount, currency: 'XOF', receiver: till.facts.wallet } as const
  const said = await takeSigned(world, till, offered, phone, random, (request) => {
    const asked = decodePaymentRequest(request)
    return phone.authorize(asked, { ...asked, atMs: till.sdk.nowMs, covered: place })
  })
  return `${till.id} ${said}`
}

const change = (world: World, { deviceId }: PayerPhone, how: 'suspend' | 'revoke' | 'reactivate', random: Random) =>
  isStolen(world, deviceId)
    ? Promise.resolve('stolen, and stays stopped')
    : insistently(world, random, (key) =>
        world.office.ask('ops', 'pay_admin', 'POST', `/offline/devices/${deviceId}/${how}`, { reason: 'seen' }, key),
      )

const isStolen = ({ stolen }: World, deviceId: string) =>
  [...stolen.values()].some(({ phone }) => phone.deviceId === deviceId)
