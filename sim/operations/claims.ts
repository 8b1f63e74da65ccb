import type { ClaimChoice } from '../../src/protocol/claims.ts'
import { localId } from '../../src/protocol/ids.ts'
import { answer, askClaims } from '../people/holder.ts'
import { type Speaker, speakersOf, spokenFor } from '../people/speakers.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import { readyPhones } from './household.ts'
import type { Operation } from './operation.ts'

/**
 * The holder of a wallet looks at what is claimed from it: says yes, says no, says both at once, or leaves it. Who has several
 * phones says it on one of them, or on all, at once or one after the other.
 */
const answerClaims: Operation = {
  weight: 5,
  async run(world, device, random) {
    const wallet = random.pick(spokenFor(world))
    const all = await speakersOf(world, wallet, device, random, () => readyPhones(world, random))
    const speakers = random.chance(0.6) ? all : all.slice(0, 1)
    if (speakers.length === 0) return `(nobody) has a phone for ${wallet}`
    if (random.chance(0.6)) return (await Promise.all(speakers.map((one) => answerOn(world, one, random)))).join('; ')
    const came: string[] = []
    for (const one of speakers) came.push(await answerOn(world, one, random))
    return came.join('; ')
  },
}

async function answerOn(world: World, phone: Speaker, random: Random): Promise<string> {
  const { wallet, deviceId, fetch, isHolders } = phone
  const claims = await askClaims(phone, fetch, world.scheduler.nowMs)
  if (claims === undefined) return `(${deviceId}) does not hear what is claimed from ${wallet}`
  if (claims.length === 0) return `(${deviceId}) has nothing to answer`
  const came: string[] = []
  for (const claim of claims) {
    const what = random.weighted({ confirm: 6, refuse: 2, both: 1, silent: 2 })
    if (what === 'silent') continue
    const choices: readonly ClaimChoice[] = what === 'both' ? both(random) : [what]
    const id = localId(claim.takerId, claim.counter)
    if (isHolders) for (const choice of choices) remember(world, id, choice)
    const nowMs = world.scheduler.nowMs
    const said = await Promise.all(choices.map((choice) => answer(phone, fetch, claim, choice, nowMs)))
    if (new Set(choices).size > 1 && said.every((one) => one === 'kept')) {
      world.wrong.push(`${deviceId} was told of both its answers to ${id} that they stand`)
    }
    came.push(`${id}: ${choices.map((choice, i) => `${choice} (${said[i]})`).join(' and ')}`)
  }
  return `(${deviceId}) answers ${came.join(', ') || 'nothing'}`
}

const both = (random: Random): readonly ClaimChoice[] =>
  random.chance(0.5) ? ['confirm', 'refuse'] : ['refuse', 'confirm']

function remember({ said }: World, id: string, choice: ClaimChoice): void {
  said.set(id, new Set([...(said.get(id) ?? []), choice]))
}

/** Somebody says yes in the name of another: with his own device, or under the name of the other's phone. */
const answerForAnother: Operation = {
  weight: 1,
  async run({ rogue, outsider, phones, scheduler, wrong }, device, random) {
    // The outsider's device is registered for the wallet itself, by another tenant.
    const isOutsider = outsider.isRegistered && random.chance(0.5)
    const liar = isOutsider ? outsider : rogue
    if (!liar.isRegistered) return `(${liar.id}) has no device yet`
    const phone = isOutsider ? phones.get(outsider.wallet) : random.pick([...phones])[1]
    if (phone === undefined) return `(${liar.id}) sees nobody's phone`
    const signer = await liar.signer()
    const told = await askClaims({ deviceId: liar.id, signer }, liar.network.fetch, scheduler.nowMs)
    if (told !== undefined && told.length > 0)
      wrong.push(`${liar.id} was told of claims that are nothing of its tenant`)
    // He has seen the screen of somebody's phone.
    const claims = (await askClaims(phone, device.network.fetch, scheduler.nowMs)) ?? []
    if (claims.length === 0) return `(${liar.id}) sees nothing to answer`
    const claim = random.pick(claims)
    const own = { deviceId: isOutsider || random.chance(0.7) ? liar.id : phone.deviceId, signer }
    const said = await answer(own, liar.network.fetch, claim, 'confirm', scheduler.nowMs)
    return `(${liar.id}) confirms ${localId(claim.takerId, claim.counter)} as ${own.deviceId}: ${said}`
  },
}

export const claims = { answerClaims, answerForAnother }
