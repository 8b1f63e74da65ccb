import type { Mandate } from '../../src/protocol/mandates.ts'
import { currency } from '../../src/protocol/money.ts'
import { giveMandate } from '../people/holder.ts'
import { speakersOf, spokenFor } from '../people/speakers.ts'
import { newestPolicy } from '../promises/policies.ts'
import { readyPhones } from './household.ts'
import type { Operation } from './operation.ts'
import { alive, take } from './take.ts'

const HOUR_MS = 3_600_000

/** Chance that a holder who has given a mandate changes it, before another one gives a first. */
const AGAIN = 0.6

/** The holder of a wallet lets small payments out of it that nobody signs, lets fewer, or ends that: on any of the holder's phones. */
const letSmallPayments: Operation = {
  weight: 3,
  async run(world, device, random) {
    const { mandates, scheduler, edge, wrong } = world
    const given = [...mandates.keys()]
    const wallet = random.pick(given.length > 0 && random.chance(AGAIN) ? given : spokenFor(world))
    const [phone] = await speakersOf(world, wallet, device, random, () => readyPhones(world, random))
    if (phone === undefined) return `(nobody) has a phone for ${wallet}`
    const before = mandates.get(wallet) ?? []
    const { mandate_payment_max: paymentMax, mandate_day_max: most } = newestPolicy(edge, 'SN')
    // Sometimes more than anybody may give.
    const dayMax = random.chance(0.25) ? 0 : random.between(1, random.chance(0.5) ? 600 : most + 100)
    const mandate: Mandate = {
      ...{ wallet, currency: currency('XOF'), dayMax, paymentMax: Math.min(dayMax, paymentMax) },
      untilMs: Math.floor(scheduler.nowMs / 1000) * 1000 + random.between(1, 72) * HOUR_MS,
      no: before.length + 1,
    }
    // It may arrive though nobody hears so.
    if (phone.isHolders) mandates.set(wallet, [...before, { ...mandate, saidAtMs: scheduler.nowMs }])
    const said = await giveMandate(phone, phone.fetch, mandate)
    if (said === 'kept' && dayMax > most && newestPolicy(edge, 'SN').mandate_day_max <= most) {
      wrong.push(`${phone.deviceId} may let ${dayMax} a day, and the policy no more than ${most}`)
    }
    return `(${phone.deviceId}) lets ${mandate.paymentMax} a payment, ${dayMax} a day out of ${wallet}: ${said}`
  },
}

/** Somebody gives a mandate in the name of another: with his own device, or under the name of the other's phone. */
const mandateForAnother: Operation = {
  weight: 1,
  async run({ rogue, outsider, phones, scheduler }, _, random) {
    const isOutsider = outsider.isRegistered && random.chance(0.5)
    const liar = isOutsider ? outsider : rogue
    if (!liar.isRegistered) return `(${liar.id}) has no device yet`
    const [wallet, phone] = random.pick([...phones])
    const debited = isOutsider ? outsider.wallet : wallet
    const own = { deviceId: isOutsider || random.chance(0.7) ? liar.id : phone.deviceId, signer: await liar.signer() }
    const said = await giveMandate(own, liar.network.fetch, {
      ...{ wallet: debited, currency: currency('XOF'), paymentMax: 1, dayMax: 1 },
      ...{ untilMs: scheduler.nowMs + HOUR_MS, no: scheduler.nowMs },
    })
    return `(${liar.id}) gives a mandate out of ${debited} as ${own.deviceId}: ${said}`
  },
}

/** Somebody buys small things one after the other: the mandate of the wallet may have room for some of them. */
const buySmallThings: Operation = {
  weight: 3,
  async run(world, device, random) {
    await alive(device)
    const wallets = [...world.mandates.keys()]
    if (wallets.length === 0) return 'has no customer who lets small payments'
    const sender = random.pick(wallets)
    const came: string[] = []
    for (let left = random.between(2, 4); left > 0; left--) {
      const amount = 100 + 10 * random.between(0, 30)
      const terms = { type: 'merchant', amount, currency: 'XOF', sender, receiver: device.facts.wallet } as const
      came.push(await take(world, device, terms))
    }
    return came.join('; ')
  },
}

export const mandates = { letSmallPayments, mandateForAnother, buySmallThings }
