import { toHex } from '../../src/protocol/bytes.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { SpokenWord } from '../people/household.ts'
import type { World } from '../world.ts'
import type { Admitted, AdmittedDevice, ConsentLine } from './admitted.ts'

/** Between asking the giver's object and the admission the giver may have been stopped. */
const OVERLAP_MS = 60_000
/** As many consents as an object keeps; of older ones nothing can be said. */
const KEPT_MAX = 8

/**
 * Whether a phone of the household paid by the first one's word: the first signed it for this very key, it came before anything was
 * taken back that it could bring back, nobody has ended it, and the first itself paid by people's consent when it was used.
 */
export function paysByWord(
  { household: { first, words }, edge }: Pick<World, 'household' | 'edge'>,
  device: AdmittedDevice,
  { initiatedAtMs }: Payment,
  { bundle, receipt: { receivedAtMs } }: Pick<Admitted, 'bundle' | 'receipt'>,
  giver: AdmittedDevice | undefined,
): boolean {
  const kid = toHex(bundle.claims.kid)
  if (giver === undefined || device.ownerWallet !== first.wallet) return false
  if (device.consents.length >= KEPT_MAX || giver.consents.length >= KEPT_MAX) return true
  const stops = edge.objects.read(
    giver.id,
    `SELECT at, action, detail FROM audit
     WHERE action IN ('device_active', 'device_suspended', 'device_revoked', 'key_rotated') ORDER BY id`,
  ) as unknown as readonly Stop[]
  const paid = (word: SpokenWord) =>
    [receivedAtMs - OVERLAP_MS, receivedAtMs].some((atMs) => paidItself(giver.consents, stops, word.giverKid, atMs))
  return words.some((word) => {
    const isFor = word.to === device.id && word.thumbprint.startsWith(kid) && initiatedAtMs <= word.untilMs
    return isFor && word.giver === first.id && isInForce(device.consents, word, receivedAtMs) && paid(word)
  })
}

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
    ({ thumbprint, giver, askedBy, confirmedBy, givenAtMs, withdrawnAtMs }) =>
      giver === undefined &&
      askedBy !== confirmedBy &&
      thumbprint.startsWith(kid) &&
      givenAtMs <= atMs &&
      (withdrawnAtMs === null || atMs < withdrawnAtMs),
  )
  return status === 'device_active' && !isLost && isAgreed
}
