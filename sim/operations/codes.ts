import { amountMinor } from '../../src/protocol/money.ts'
import { customerOf } from '../people/market.ts'
import { provenPost } from '../people/proven-post.ts'
import type { Rogue } from '../people/rogue.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import { insistently } from './insistently.ts'
import type { Operation } from './operation.ts'

/**
 * A customer's new device asks for a code to the customer's telephone, and the customer enters it: rightly, wrongly, late, or one
 * of before. A thief has a device for the same wallet and enters what he has seen or guesses: codes of the customer's own
 * device, never the one that went out for his.
 */
export const consentByCode: Operation = {
  weight: 3,
  async run(world, _device, random) {
    const who = random.chance(0.3) ? world.thief : world.newcomer
    if (!(await registered(world, who))) return `(${who.id}) cannot be registered`
    const act = random.weighted({ whole: 6, ask: 1, enter: 2, pay: 3, lose: 0.4 })
    if (act === 'whole') return `(${who.id}) ${await whole(world, who, random)}`
    if (act === 'ask') return `(${who.id}) asks for a code: ${await ask(world, who)}`
    if (act === 'pay') return pay(who, random)
    if (act === 'lose') return `(${who.id}) ${await lose(world, who, random)}`
    const [what, code] = entered(world, who, random)
    return `(${who.id}) enters ${what}: ${await enter(world, who, code)}`
  },
}

/** Asks, waits for the message, enters what came, and asks how that went until the book has said it; then it pays. */
async function whole(world: World, who: Rogue, random: Random): Promise<string> {
  const { scheduler } = world
  const asked = await ask(world, who)
  // A message may take a while, and a person longer.
  await scheduler.sleep(random.chance(0.8) ? random.between(2_000, 60_000) : random.between(60_000, 1_200_000))
  const came: string[] = []
  for (let tries = random.between(1, 3); tries > 0; tries--) {
    const [what, code] = entered(world, who, random)
    came.push(what)
    for (let polls = 0; polls < 5; polls++) {
      const said = await enter(world, who, code)
      came.push(said)
      if (said !== 'waiting' && said !== 'no answer' && said !== 'temporarily_unavailable') break
      await scheduler.sleep(5_000)
    }
    if (came.at(-1) === 'accepted') break
  }
  return `asks for a code (${asked}), enters ${came.join(', ')}, and ${await pay(who, random)}`
}

async function ask({ scheduler, codesAsked }: World, who: Rogue): Promise<string> {
  const own = { id: who.id, signer: await who.signer() }
  const answer = await provenPost(own, who.network.fetch, '/offline/consents/code', {}, scheduler.nowMs)
  if (answer === undefined) return 'no answer'
  const { no, state, code } = answer.body
  if (answer.status !== 200) return String(code)
  codesAsked.set(who.id, Number(no))
  return `${no} ${state}`
}

function entered({ telephones, codesAsked, newcomer, thief }: World, who: Rogue, random: Random): [string, string] {
  const asked = (one: Rogue) => codesAsked.get(one.id) ?? 0
  const codeOf = (one: Rogue, no: number) => telephones.codeFor(one.wallet, one.id, no)
  const guess = String(random.between(0, 99_999_999)).padStart(8, '0')
  if (who === thief) {
    const stolen = codeOf(newcomer, asked(newcomer))
    return random.chance(0.7) && stolen !== undefined ? ['a stolen code', stolen] : ['a guess', guess]
  }
  const what = random.weighted({ right: 5, wrong: 2, old: 1 })
  const code = what === 'wrong' ? guess : codeOf(who, asked(who) - (what === 'old' ? 1 : 0))
  return code === undefined ? ['a guess, because none has come', guess] : [`the ${what} code`, code]
}

async function enter({ scheduler, codesAsked }: World, who: Rogue, code: string): Promise<string> {
  const no = Math.max(1, codesAsked.get(who.id) ?? 1)
  const own = { id: who.id, signer: await who.signer() }
  const path = '/offline/consents/code/answer'
  const answer = await provenPost(own, who.network.fetch, path, { no, code }, scheduler.nowMs)
  if (answer === undefined) return 'no answer'
  return String(answer.status === 200 ? answer.body['state'] : answer.body['code'])
}

async function pay(who: Rogue, random: Random): Promise<string> {
  const counter = who.nextCounter++
  const amount = amountMinor(100 + random.between(0, 400))
  const payment = who.payment(counter, { type: 'p2p', sender: who.wallet, receiver: customerOf(1), amount })
  const came = await who.push(await who.sign([payment]))
  return `(${who.id}) takes ${counter} from ${who.wallet}: ${came}`
}

/** Somebody takes back what was given and what is asked for. */
async function lose(world: World, { id }: Rogue, random: Random): Promise<string> {
  const path = `/offline/devices/${id}/consents/withdraw`
  const came = await insistently(world, random, (key) =>
    world.office.ask('awa', 'pay_admin', 'POST', path, { reason: 'seen in other hands' }, key),
  )
  return `has its consent withdrawn: ${came}`
}

async function registered({ office }: World, who: Rogue): Promise<boolean> {
  if (!who.isRegistered) {
    who.isRegistered = await office.register(who.id, 'SN', who.wallet, who.privateKey).then(
      () => true,
      () => false,
    )
  }
  return who.isRegistered
}
