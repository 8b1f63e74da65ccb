import { toHex } from '../../src/protocol/bytes.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { SpokenWord } from '../people/household.ts'
import type { World } from '../world.ts'
import type { Admitted, AdmittedDevice, ConsentLine } from './admitted.ts'
import { isByHolder } from './codes.ts'

/** Between asking the giver's object and the admission the giver may have been stopped. */
const OVERLAP_MS = 60_000
/** As many consents as an object keeps; of older ones nothing can be said. */
const KEPT_MAX = 8

/**
 * Whether a phone of the household paid by the first one's word: the first signed it for this very key, it came before anything was
 * taken back that it could bring back, nobody has ended it, and the first itself paid by its holder's code when it was used.
 */
export function paysByWord(
  world: Pick<World, 'household' | 'edge' | 'telephones'>,
  device: AdmittedDevice,
  { initiatedAtMs }: Payment,
  { bundle, receipt: { receivedAtMs } }: Pick<Admitted, 'bundle' | 'receipt'>,
  giver: AdmittedDevice | undefined,
): boolean {
  const said = { kid: toHex(bundle.claims.kid), madeAtMs: initiatedAtMs, takenAtMs: receivedAtMs }
  return speaksByWord(world, device, said, giver)
}

/** What a phone signed, when it says that it did, and when its object took it. */
interface Said {
  /** Hex. */
  readonly kid: string
  readonly madeAtMs: number
  readonly takenAtMs: number
}

export function speaksByWord(
  { household: { first, words }, edge, telephones }: Pick<World, 'household' | 'edge' | 'telephones'>,
  device: AdmittedDevice,
  { kid, madeAtMs, takenAtMs }: Said,
  giver: AdmittedDevice | undefined,
): boolean {
  if (giver === undefined || device.ownerWallet !== first.wallet) return false
  if (device.consents.length >= KEPT_MAX || giver.consents.length >= KEPT_MAX) return true
  const stops = stopsOf(edge, giver.id)
  const holders = giver.consents.filter((one) => isByHolder({ telephones }, giver, one))
  const paid = (word: SpokenWord) =>
    [takenAtMs - OVERLAP_MS, takenAtMs].some((atMs) => paidItself(holders, stops, word.giverKid, atMs))
  return words.some((word) => {
    const isFor = word.to === device.id && word.thumbprint.startsWith(kid) && madeAtMs <= word.untilMs
    return isFor && word.giver === first.id && isInForce(device.consents, word, takenAtMs) && paid(word)
  })
}

/** Whether the first phone of the household spoke by its holder's code when its object took what it signed. */
export function speaksItself(
  { edge, telephones }: Pick<World, 'edge' | 'telephones'>,
  device: AdmittedDevice,
  { kid, takenAtMs }: Said,
): boolean {
  if (device.consents.length >= KEPT_MAX) return true
  const stops = stopsOf(edge, device.id)
  const holders = device.consents.filter((one) => isByHolder({ telephones }, device, one))
  // Nobody knows the order of what came in one millisecond.
  return [takenAtMs - 1, takenAtMs].some((atMs) => paidItself(holders, stops, kid, atMs))
}

/** Whoever has a phone that is stopped is told of nothing that becomes of the wallet. */
export const isStopped = (edge: World['edge'], id: string): boolean =>
  edge.objects.read(id, "SELECT 1 FROM device WHERE status = 'active'").length === 0

export const stopsOf = (edge: World['edge'], id: string): readonly Stop[] =>
  edge.objects.read(
    id,
    `SELECT at, action, detail FROM audit
     WHERE action IN ('device_active', 'device_suspended', 'device_revoked', 'key_rotated') ORDER BY id`,
  ) as unknown as readonly Stop[]

function isInForce(consents: readonly ConsentLine[], word: SpokenWord, atMs: number): boolean {
  return consents.some(({ giver, givenAtMs, withdrawnAtMs }) => {
    const isOfWord = giver?.deviceId === word.giver && giver.madeAtMs === word.madeAtMs
    const isKept = consents.some((one) => {
      const endedAtMs = one.withdrawnAtMs ?? Number.POSITIVE_INFINITY
      return endedAtMs < givenAtMs && word.madeAtMs <= endedAtMs
    })
    return isOfWord && !isKept && givenAtMs <= atMs && (withdrawnAtMs === null || atMs < withdrawnAtMs)
  })
}

interface Stop {
  readonly at: number
  readonly action: string
  readonly detail: string
}

function paidItself(consents: readonly ConsentLine[], stops: readonly Stop[], kid: string, atMs: number): boolean {
  const before = stops.filter(({ at }) => at <= atMs)
  const status = before.findLast(({ action }) => action !== 'key_rotated')?.action ?? 'device_active'
  const isLost = before.some(({ action, detail }) => {
    const { replaced, fate } = JSON.parse(detail) as { readonly replaced?: string; readonly fate?: string }
    return action === 'key_rotated' && replaced === kid && fate === 'revoked'
  })
  const isAgreed = consents.some(
    ({ thumbprint, countsFromMs = Number.POSITIVE_INFINITY, withdrawnAtMs }) =>
      thumbprint.startsWith(kid) && countsFromMs <= atMs && (withdrawnAtMs === null || atMs < withdrawnAtMs),
  )
  return status === 'device_active' && !isLost && isAgreed
}
