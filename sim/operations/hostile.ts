import { type PassSource, PayerPhone } from '../../dev/fleet/payer.ts'
import { signPass } from '../../src/crypto/pass.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { amountMinor } from '../../src/protocol/money.ts'
import type { Payment, PaymentName } from '../../src/protocol/payment.ts'
import { newScalar } from '../people/keys.ts'
import { customerOf } from '../people/market.ts'
import { freshPasses } from '../people/passes.ts'
import type { Rogue, SignedBundle } from '../people/rogue.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import type { Operation } from './operation.ts'

const LARGE = amountMinor(30_000)
const HOUR_MS = 3_600_000

/** What he says besides the truth. Each pushes what it made and answers with the edge's word. */
type Lie = (rogue: Rogue, world: World, random: Random) => Promise<string>

/** An honest bundle, so that there is something to contradict. */
async function honest(rogue: Rogue, counters = 1): Promise<SignedBundle | undefined> {
  const first = rogue.nextCounter
  rogue.nextCounter += counters
  const entries = Array.from({ length: counters }, (_, n) => rogue.small(first + n, customerOf(n % 4)))
  const bundle = await rogue.sign(entries)
  return (await rogue.push(bundle)) === 'admitted' ? bundle : undefined
}

const LIES: Readonly<Record<string, Lie>> = {
  'a wrong prev': async (rogue) => {
    await honest(rogue)
    return rogue.push(
      await rogue.sign([rogue.small(rogue.nextCounter++, customerOf(0))], { prev: rogue.random.bytes(16) }),
    )
  },
  'another bundle in the same place': async (rogue) => {
    const bundle = await honest(rogue)
    const seq = bundle?.seq ?? 1
    return rogue.push(
      await rogue.sign([rogue.small(rogue.nextCounter++, customerOf(0))], { seq, prev: rogue.random.bytes(16) }),
    )
  },
  'a hole in the chain': async (rogue) => {
    const seq = (rogue.head?.seq ?? 0) + 2
    const small = amountMinor(100 + rogue.random.between(0, 400))
    const terms = { type: 'p2p', sender: rogue.wallet, receiver: customerOf(1), amount: small } as const
    const counter = rogue.nextCounter++
    // A copy of a device goes on ahead of it like this, for what is in its owner's wallet.
    const entry = rogue.random.chance(0.5) ? rogue.payment(counter, terms) : rogue.small(counter, customerOf(1))
    return rogue.push(await rogue.sign([entry], { seq, prev: rogue.random.bytes(16) }))
  },
  'a nonce again': async (rogue) => {
    const bundle = await honest(rogue)
    if (bundle === undefined) return 'nothing to contradict'
    const { nonce } = bundle
    return rogue.push(await rogue.sign([rogue.small(rogue.nextCounter++, customerOf(2))], { nonce }))
  },
  'other bytes under a known id': async (rogue) => {
    const bundle = await honest(rogue)
    if (bundle === undefined) return 'nothing to contradict'
    const { bundleId, seq } = bundle
    return rogue.push(await rogue.sign([rogue.small(rogue.nextCounter++, customerOf(3))], { bundleId, seq }))
  },
  'a broken signature': async (rogue) => {
    const { bytes, ...bundle } = await rogue.sign([rogue.small(rogue.nextCounter++, customerOf(0))])
    return rogue.push({
      ...bundle,
      bytes: Uint8Array.from(bytes, (byte, at) => (at === bytes.length - 1 ? byte ^ 1 : byte)),
    })
  },
  'a number again with other terms': async (rogue) => {
    await honest(rogue)
    const counter = rogue.nextCounter - 1
    const [other, next] = [rogue.small(counter, customerOf(1)), rogue.small(rogue.nextCounter++, customerOf(2))]
    return rogue.push(await rogue.sign([other, next]))
  },
  'a void of what was paid': async (rogue) => {
    await honest(rogue)
    const counter = rogue.nextCounter - 1
    return rogue.push(await rogue.sign([{ counter, voided: true }, rogue.small(rogue.nextCounter++, customerOf(2))]))
  },
  'a key of nobody': async (rogue) => {
    const privateKey = newScalar(rogue.random)
    return rogue.push(await rogue.sign([rogue.small(rogue.nextCounter++, customerOf(0))], { privateKey }))
  },
  'a payer’s word twice': async (rogue, world) => {
    const terms = largeTerms(rogue, customerOf(0))
    const signed = await world.phones.get(customerOf(0))?.authorize(terms, askedBy(rogue, world))
    return takeLarge(rogue, [
      { ...terms, ...signed },
      { ...terms, ...signed },
    ])
  },
  'a payer’s word for other terms': async (rogue, world) => {
    const terms = largeTerms(rogue, customerOf(0))
    const other = { ...terms, amount: amountMinor(100) }
    const signed = await world.phones.get(customerOf(0))?.authorize(other, askedBy(rogue, world))
    return takeLarge(rogue, [{ ...terms, ...signed }])
  },
  'another payer’s word': async (rogue, world) => {
    const terms = largeTerms(rogue, customerOf(0))
    const signed = await world.phones.get(customerOf(1))?.authorize(terms, askedBy(rogue, world))
    return takeLarge(rogue, [{ ...terms, ...signed }])
  },
  'a payer’s word for another till': async (rogue, world) => {
    const terms = largeTerms(rogue, customerOf(0))
    const asked = { ...askedBy(rogue, world), takerId: 'POS-1' }
    return takeLarge(rogue, [{ ...terms, ...(await world.phones.get(customerOf(0))?.authorize(terms, asked)) }])
  },
  'a payer’s word of yesterday': async (rogue, world) => {
    const terms = largeTerms(rogue, customerOf(0))
    const asked = { ...askedBy(rogue, world), atMs: world.scheduler.nowMs - 24 * HOUR_MS }
    return takeLarge(rogue, [{ ...terms, ...(await world.phones.get(customerOf(0))?.authorize(terms, asked)) }])
  },
  'a payer’s word under a pass of his own making': async (rogue, world) => {
    const [terms, asked] = [largeTerms(rogue, customerOf(0)), askedBy(rogue, world)]
    const signer = await rogue.signer()
    const forged: PassSource = (phone, atMs) =>
      signPass(signer, new Uint8Array(8), phone.passAt(atMs, OPEN_HANDED(atMs)))
    const phone = new PayerPhone('PHONE-1', customerOf(0), signer, webCryptoSuite, forged)
    return takeLarge(rogue, [{ ...terms, ...(await phone.authorize(terms, asked)) }])
  },
  'the word of another payer’s phone that nobody knows yet': async (rogue, world, random) => {
    const [id, key] = [`LATE-${rogue.nextCounter}`, newScalar(random)]
    const phone = new PayerPhone(
      id,
      customerOf(0),
      await webCryptoSuite.es256Signer(key),
      webCryptoSuite,
      freshPasses(world.secrets),
    )
    // Of a wallet for which two people may speak.
    const shop = random.pick(world.devices).facts.wallet
    const entry = rogue.small(rogue.nextCounter++, customerOf(0))
    const { type, amount, sender, receiver } = entry
    const signed = await phone.authorize({ type, amount, receiver }, { ...askedBy(rogue, world), sender })
    const came = await rogue.push(await rogue.sign([{ ...entry, ...signed }]))
    // The edge can say nothing about it, and the book waits until it can.
    await untilDone(world, () => world.office.register(id, 'SN', shop, key))
    await untilDone(world, () => world.office.consent(id))
    return `${came}, by ${id} that may pay out of another wallet now`
  },
  'a payment of another device as his': async (rogue, world, random) => {
    const { told, sdk } = random.pick(world.devices)
    const seen = [...told.keys()].flatMap((id) => sdk.getTransaction(id) ?? [])
    const last = seen.findLast(({ status }) => status !== 'refused')
    if (last === undefined) return 'nothing to repeat'
    const { type, method, amount, currency, sender, receiver, initiatedAtMs, authorization, pass } = last
    const terms = {
      type,
      method,
      amount,
      currency,
      sender,
      receiver,
      initiatedAtMs,
      ...(authorization && pass && { authorization, pass }),
    }
    return rogue.push(await rogue.sign([{ ...terms, counter: rogue.nextCounter++ }]))
  },
  'a refund of another shop’s payment': async (rogue, world, random) => {
    const { told, sdk } = random.pick(world.devices)
    const seen = [...told.keys()].flatMap((id) => sdk.getTransaction(id) ?? [])
    const paid = seen.findLast(({ status, type }) => status === 'succeeded' && type !== 'refund')
    if (paid === undefined) return 'nothing to give back'
    const [id = '', counter] = paid.localId.split('/')
    return refund(rogue, paid, { deviceId: deviceId(id), counter: Number(counter) })
  },
  'refunds of more than was paid, to the payer and to an accomplice': async (rogue, world) => {
    const terms = largeTerms(rogue, customerOf(0))
    const signed = await world.phones.get(customerOf(0))?.authorize(terms, askedBy(rogue, world))
    const { currency: _, ...agreed } = terms
    const paid = rogue.payment(rogue.nextCounter++, { ...agreed, ...signed })
    const came = await rogue.push(await rogue.sign([paid]))
    const of = { counter: paid.counter }
    const more = amountMinor(paid.amount / 2 + 1)
    await refund(rogue, { ...paid, amount: more }, of)
    await refund(rogue, { ...paid, sender: customerOf(1) }, of)
    return `${came}, then ${await refund(rogue, { ...paid, amount: more }, of)}`
  },
  'a refund of itself, of what comes later, and out of another wallet': async (rogue, _world, random) => {
    const paid = rogue.small(rogue.nextCounter, customerOf(0))
    const counter = rogue.nextCounter + random.between(0, 2)
    const other = { ...paid, receiver: customerOf(random.between(1, 3)) }
    return refund(
      rogue,
      random.pick([paid, other]),
      random.pick([{ counter }, { counter, deviceId: deviceId(rogue.id) }]),
    )
  },
  'a key that was revoked': async (rogue, world) => {
    await honest(rogue)
    const { privateKey: old } = rogue
    const fates = rogue.random.pick([['revoke'], ['retire'], ['retire', 'revoke']] as const)
    for (const fate of fates) if (!(await rotate(rogue, world, fate))) return 'the key was not rotated'
    if (rogue.random.chance(0.5)) await honest(rogue)
    const came = await rogue.push(
      await rogue.sign([rogue.small(rogue.nextCounter++, customerOf(0))], { privateKey: old }),
    )
    return `${came} after ${fates.join(' and ')}`
  },
}

/** What his till would show a payer. */
const askedBy = (rogue: Rogue, { scheduler }: World) => ({ takerId: rogue.id, atMs: scheduler.nowMs })

const OPEN_HANDED = (atMs: number) => ({
  paymentMax: amountMinor(10_000_000),
  untilMs: 1000 * Math.floor(atMs / 1000) + 24 * HOUR_MS,
})

/** Gives back to whoever paid, in a bundle of its own. */
async function refund(
  rogue: Rogue,
  { sender, receiver, amount }: Pick<Payment, 'sender' | 'receiver' | 'amount'>,
  refundOf: PaymentName,
): Promise<string> {
  const back = { type: 'refund', sender: receiver, receiver: sender, amount, refundOf } as const
  return rogue.push(await rogue.sign([rogue.payment(rogue.nextCounter++, back)]))
}

/** Whoever is not answered asks again. */
async function untilDone({ scheduler }: World, ask: () => Promise<void>): Promise<void> {
  for (;;) {
    const isDone = await ask().then(
      () => true,
      () => false,
    )
    if (isDone) return
    await scheduler.sleep(10 * 60_000)
  }
}

async function rotate(rogue: Rogue, { office }: World, fate: 'retire' | 'revoke'): Promise<boolean> {
  const rotated = newScalar(rogue.random)
  const answer = await office.rotate(rogue.id, rotated, fate, crypto.randomUUID()).catch(() => undefined)
  if (answer === undefined || answer.status >= 300) return false
  rogue.privateKey = rotated
  return true
}

const largeTerms = (rogue: Rogue, sender: string) =>
  ({ type: 'merchant', amount: LARGE, currency: 'XOF', sender, receiver: rogue.wallet }) as const

async function takeLarge(
  rogue: Rogue,
  all: readonly (ReturnType<typeof largeTerms> & { readonly authorization?: Uint8Array; readonly pass?: Uint8Array })[],
) {
  const entries = all.map(({ currency: _, ...terms }) => rogue.payment(rogue.nextCounter++, terms))
  return rogue.push(await rogue.sign(entries))
}

/** Somebody with a device's key tells a lie. Whatever comes of it, no money moves that nobody signed for. */
export const lie: Operation = {
  weight: 3,
  async run(world, _device, random) {
    const { rogue, office } = world
    if (!(await registered(world))) return '(ROGUE-1) cannot be registered'
    const what = random.pick(Object.keys(LIES))
    const came = (await LIES[what]?.(rogue, world, random)) ?? ''
    if (came === 'a receipt for other bytes' || (came === 'admitted' && NEVER.has(what))) {
      world.wrong.push(`${rogue.id} sent ${what}, and got ${came}`)
    }
    // People look at it and let it go on: what it does next must be no better believed.
    if (came === 'chain_fork') {
      await office
        .ask('ops', 'pay_admin', 'POST', `/offline/devices/${rogue.id}/reactivate`, { reason: 'seen' })
        .catch(() => undefined)
    }
    return `(ROGUE-1) sends ${what}: ${came}`
  },
}

const NEVER = new Set([
  'a broken signature',
  'a key of nobody',
  'a nonce again',
  'other bytes under a known id',
  'another bundle in the same place',
])

/** @returns whether he has a device */
export async function registered({ rogue, office }: World): Promise<boolean> {
  if (!rogue.isRegistered) {
    rogue.isRegistered = await office.register(rogue.id, 'SN', rogue.wallet, rogue.privateKey).then(
      () => true,
      () => false,
    )
  }
  return rogue.isRegistered
}
