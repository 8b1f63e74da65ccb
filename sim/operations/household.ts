import { amountMinor } from '../../src/protocol/money.ts'
import { bringWord } from '../people/holder.ts'
import { enterCode } from '../people/holders-code.ts'
import { type SpokenWord, speak } from '../people/household.ts'
import { newScalar } from '../people/keys.ts'
import { customerOf } from '../people/market.ts'
import type { Rogue } from '../people/rogue.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import { isWithoutConsent } from './consents.ts'
import { insistently } from './insistently.ts'
import type { Operation } from './operation.ts'

const HOUR_MS = 3_600_000

/**
 * A customer has several phones. The first lets the second pay; the second tries to let the third pay, somebody else's phone
 * tries it too, and words come again that were taken back since. The first is stopped, or loses its key or its consent.
 */
export const sharePhones: Operation = {
  weight: 4,
  async run(world, _device, random) {
    const absent = await absentOf(world, random)
    if (absent !== undefined) return `(${absent.id}) cannot be registered`
    const what = random.weighted({
      give: 5,
      pay: 8,
      again: 2,
      chain: 1.5,
      stranger: 1,
      withdraw: 1.5,
      stop: 1,
      lose: 0.5,
    })
    return ACTS[what](world, random)
  },
}

/** Registers the phones; the holder enters a code on the first. @returns one that cannot be registered now */
async function absentOf(world: World, random: Random): Promise<Rogue | undefined> {
  const { first, second, third } = world.household
  for (const one of [first, second, third]) if (!(await registered(world, one))) return one
  if (isWithoutConsent(world, first.id) && random.chance(0.8)) {
    const own = { id: first.id, wallet: first.wallet, signer: await first.signer() }
    await enterCode(world, own, first.network.fetch).catch(() => undefined)
  }
  return undefined
}

/** The phones that speak for their wallet, as a rule the first and the second. What the third says counts for nothing. */
export async function readyPhones(world: World, random: Random): Promise<readonly Rogue[]> {
  if ((await absentOf(world, random)) !== undefined) return []
  const { first, second, third } = world.household
  if (isWithoutConsent(world, second.id) && random.chance(0.8)) {
    await bring(world, second, await say(world, { id: first.id, signer: await first.signer() }, second, random))
  }
  return random.chance(0.1) ? [first, third] : [first, second]
}

type Act = (world: World, random: Random) => Promise<string>

const ACTS: Readonly<Record<'give' | 'pay' | 'again' | 'chain' | 'stranger' | 'withdraw' | 'stop' | 'lose', Act>> = {
  async give(world, random) {
    const { first, second } = world.household
    const word = await say(world, { id: first.id, signer: await first.signer() }, second, random)
    return `${await bring(world, second, word)}; ${await pay(second, random)}`
  },

  pay: async (world, random) => pay(world.household.second, random),

  async again(world, random) {
    const { second, words } = world.household
    const before = words.filter(({ to }) => to === second.id)
    if (before.length === 0) return `(${second.id}) has nothing to bring`
    if (random.chance(0.7)) await ask(world, random, `${second.id}/consents/withdraw`)
    return `${await bring(world, second, random.pick(before))}; ${await pay(second, random)}`
  },

  async chain(world, random) {
    const { second, third } = world.household
    const word = await say(world, { id: second.id, signer: await second.signer() }, third, random)
    return `${await bring(world, third, word)}; ${await pay(third, random)}`
  },

  async stranger(world, random) {
    const { second } = world.household
    const [, phone] = random.pick([...world.phones])
    const word = await say(world, { id: phone.deviceId, signer: phone.signer }, second, random)
    return `${await bring(world, second, word)}; ${await pay(second, random)}`
  },

  async withdraw(world, random) {
    const { first, second } = world.household
    const { id } = random.chance(0.5) ? first : second
    const came = await ask(world, random, `${id}/consents/withdraw`)
    return `(${id}) has its consent withdrawn: ${came}; ${await payLater(world, second, random)}`
  },

  async stop(world, random) {
    const { first, second } = world.household
    const { id } = first
    const [facts] = world.edge.objects.read(id, 'SELECT status FROM device')
    const change = facts?.['status'] === 'active' ? 'suspend' : 'reactivate'
    return `(${id}) is to be ${change}d: ${await ask(world, random, `${id}/${change}`)}; ${await payLater(world, second, random)}`
  },

  async lose(world, random) {
    const { first, second } = world.household
    const key = newScalar(random)
    const came = await insistently(world, random, (call) => world.office.rotate(first.id, key, 'revoke', call))
    // It may have been done although no answer came: then the phone speaks with a key that nobody believes.
    if (came === 'done') first.privateKey = key
    return `(${first.id}) has lost its key: ${came}; ${await payLater(world, second, random)}`
  },
}

async function say(world: World, giver: Parameters<typeof speak>[0], to: Rogue, random: Random): Promise<SpokenWord> {
  const madeAtMs = Math.floor(world.scheduler.nowMs / 1000) * 1000
  const word = await speak(giver, to, { madeAtMs, untilMs: madeAtMs + random.between(1, 72) * HOUR_MS })
  world.household.words.push(word)
  return word
}

async function bring(world: World, to: Rogue, { giver, signed }: SpokenWord): Promise<string> {
  const phone = { deviceId: to.id, signer: await to.signer() }
  const said = await bringWord(phone, to.network.fetch, signed, world.scheduler.nowMs)
  return `(${to.id}) brings the word of ${giver}: ${said}`
}

async function pay(by: Rogue, random: Random): Promise<string> {
  const counter = by.nextCounter++
  const amount = amountMinor(100 + random.between(0, 400))
  const payment = by.payment(counter, { type: 'p2p', sender: by.wallet, receiver: customerOf(0), amount })
  return `(${by.id}) takes ${counter} from ${by.wallet}: ${await by.push(await by.sign([payment]))}`
}

/** At once, or so much later that nobody can have thought that the giver pays still. */
async function payLater(world: World, by: Rogue, random: Random): Promise<string> {
  if (random.chance(0.6)) await world.scheduler.sleep(random.between(70_000, 300_000))
  return pay(by, random)
}

const ask = (world: World, random: Random, path: string) =>
  insistently(world, random, (key) =>
    world.office.ask('ops', 'pay_admin', 'POST', `/offline/devices/${path}`, { reason: 'by the simulator' }, key),
  )

async function registered({ office }: World, one: Rogue): Promise<boolean> {
  if (!one.isRegistered) {
    one.isRegistered = await office.register(one.id, 'SN', one.wallet, one.privateKey).then(
      () => true,
      () => false,
    )
  }
  return one.isRegistered
}
