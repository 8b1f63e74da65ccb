import { toHex } from '../../src/protocol/bytes.ts'
import { parseClaimAnswer } from '../../src/protocol/claims.ts'
import { parseMandate } from '../../src/protocol/mandates.ts'
import type { World } from '../world.ts'
import type { AdmittedDevice } from './admitted.ts'
import { speaksByWord, speaksItself, stopsOf } from './consent-words.ts'
import { isRegistered } from './seen.ts'

/** An answer or a mandate that an object has kept. */
interface Kept {
  readonly what: string
  /** Of the key that signed it, hex. */
  readonly kid: string
  readonly atMs: number
}

const bytesOf = (value: unknown) => new Uint8Array(value as ArrayBuffer)

function keptBy(edge: World['edge'], id: string): readonly Kept[] {
  const answers = edge.objects.read(id, 'SELECT answer, taker_id, counter, at FROM claim_answers')
  const mandates = edge.objects.read(id, 'SELECT mandate, no, at FROM mandates')
  return [
    ...answers.map(({ answer, taker_id, counter, at }) => ({
      what: `an answer to ${taker_id}/${counter}`,
      kid: toHex(parseClaimAnswer(bytesOf(answer)).claims.kid),
      atMs: Number(at),
    })),
    ...mandates.map(({ mandate, no, at }) => ({
      what: `mandate ${no}`,
      kid: toHex(parseMandate(bytesOf(mandate)).claims.kid),
      atMs: Number(at),
    })),
  ]
}

/** Of several phones of a wallet those answer and give mandates that pay: by its holder's code, or by the word of one that does. */
export function onlyHoldersPhonesSpeak(world: World, devices: readonly AdmittedDevice[]): string[] {
  const { first, second, third } = world.household
  const giver = devices.find(({ id }) => id === first.id)
  return [first, second, third].flatMap(({ id }) => {
    const device = devices.find((one) => one.id === id)
    if (device === undefined) return []
    return keptBy(world.edge, id).flatMap(({ what, kid, atMs }) => {
      const said = { kid, madeAtMs: atMs, takenAtMs: atMs }
      const isHolders = id === first.id ? speaksItself(world, device, said) : speaksByWord(world, device, said, giver)
      return isHolders ? [] : [`${id} has ${what} kept, and did not speak for its wallet then`]
    })
  })
}

/** Whether what a phone of the household said at a time counts for sure: nothing has happened since to what it speaks by. */
export function stillSpeaks({ edge, household, scheduler }: World, id: string, atMs: number): boolean {
  const by = id === household.first.id ? [id] : [household.first.id, id]
  return by.every((one) => {
    if (!isRegistered(edge, one) || stopsOf(edge, one).some((stop) => stop.at >= atMs)) return false
    const [row] = edge.objects.read(one, 'SELECT consents FROM device')
    const consents = JSON.parse(String(row?.['consents'])) as readonly Consent[]
    return consents.some(
      ({ givenAtMs, withdrawnAtMs, untilMs }) =>
        givenAtMs <= atMs && withdrawnAtMs === null && scheduler.nowMs <= untilMs,
    )
  })
}

interface Consent {
  readonly givenAtMs: number
  readonly withdrawnAtMs: number | null
  readonly untilMs: number
}
