import { verifySign1 } from '../../src/crypto/sign1.ts'
import type { Verifier } from '../../src/crypto/suite.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import { givenByPeople, paysUntil } from '../../src/protocol/consent.ts'
import type { SignedConsentWord } from '../../src/protocol/consent-word.ts'
import type { DeviceStatus } from '../../src/protocol/messages.ts'
import { MINUTE_MS } from '../../src/protocol/time.ts'
import { borneOut, type ReadConsent, type RegisteredConsent } from './consents.ts'

/**
 * The word of a device that another one may pay. The edge has looked at it, and this side looks again, with the giver as its own
 * registry has it: the signature, the wallet and tenant, and that the giver itself paid by people's consent at the moment at which
 * the edge took the word. So no word stands on another one, and no two devices vouch for each other.
 */
export type WordVerdict = 'holds' | 'false' | 'awaited'

interface Owned {
  readonly ownerWallet: string
  readonly tenant: string
}

/** What judging needs of a registered device. */
interface Giver extends Owned {
  readonly status: DeviceStatus
  readonly factsAtMs: number
  readonly keys: ReadonlyMap<string, GiverKey>
  /** Those that people gave, at least. */
  readonly consents: readonly RegisteredConsent[]
}

interface GiverKey {
  readonly alg: number
  readonly verifier: Verifier
  readonly state: string
  readonly stateAtMs: number
}

/** @param giver as it is known here; undefined: not yet */
export async function judgeWord(
  signed: SignedConsentWord,
  { givenAtMs, untilMs }: Pick<RegisteredConsent, 'givenAtMs' | 'untilMs'>,
  { ownerWallet, tenant }: Owned,
  giver: Giver | undefined,
): Promise<WordVerdict> {
  const { kid, alg } = signed.claims
  // The edge has both devices: what is not known of the giver is on its way.
  const key = giver?.keys.get(toHex(kid))
  if (giver === undefined || key === undefined) return 'awaited'
  if (giver.ownerWallet !== ownerWallet || giver.tenant !== tenant || key.alg !== alg) return 'false'
  if (key.state === 'revoked' && key.stateAtMs <= givenAtMs) return 'false'
  if (!(await verifySign1(key.verifier, signed, 'molam-wallet-consent-v1'))) return 'false'
  const giverUntilMs = paysUntil(givenByPeople(borneOut(giver.consents)), kid, givenAtMs)
  if (giverUntilMs === undefined && giver.factsAtMs < givenAtMs) return 'awaited'
  return giverUntilMs !== undefined && untilMs <= giverUntilMs ? 'holds' : 'false'
}

/**
 * Withdrawn is withdrawn: a word that was made before an earlier consent of the device was taken back gives nothing again, also
 * when the edge says so.
 */
function isKept({ word }: SignedConsentWord, { givenAtMs }: RegisteredConsent, read: readonly ReadConsent[]): boolean {
  const earlier = read.flatMap(({ consent: { withdrawnAtMs } }) => withdrawnAtMs ?? [])
  return earlier.some((atMs) => atMs < givenAtMs && word.madeAtMs <= atMs)
}

/**
 * How much later than its giver's stop a word still counts here: the edge asks the giver's object before it takes what the other device
 * signs, and both sides may differ about the moment. What the edge did not ask in time ends here.
 */
const STOP_GRACE_MS = 10 * MINUTE_MS

/** When a giver stopped to pay: suspended or revoked, its key in other hands, or its own consent withdrawn. @returns null while it pays */
function stoppedAtMs({ status, factsAtMs, keys, consents }: Giver, kid: Uint8Array): number | null {
  const key = keys.get(toHex(kid))
  const ends = borneOut(consents)
    .filter(({ thumbprint }) => equalBytes(thumbprint.subarray(0, kid.length), kid))
    .map(({ withdrawnAtMs }) => withdrawnAtMs ?? Number.POSITIVE_INFINITY)
  const stops = [
    ...(status === 'active' ? [] : [factsAtMs]),
    ...(key?.state === 'revoked' ? [key.stateAtMs] : []),
    ...(ends.length > 0 ? [Math.max(...ends)] : []),
  ]
  const firstMs = Math.min(...stops)
  return Number.isFinite(firstMs) ? firstMs : null
}

/** A word ends with its giver, at the latest. */
function endingWith(consent: RegisteredConsent, giver: Giver | undefined, kid: Uint8Array): RegisteredConsent {
  const stopMs = giver === undefined ? null : stoppedAtMs(giver, kid)
  if (stopMs === null) return consent
  return {
    ...consent,
    ownWithdrawnAtMs: consent.withdrawnAtMs,
    withdrawnAtMs: Math.min(consent.withdrawnAtMs ?? Number.POSITIVE_INFINITY, stopMs + STOP_GRACE_MS),
  }
}

/** @returns a device's consents as they count: a false word is none */
export async function judgeConsents(
  read: readonly ReadConsent[],
  device: Owned,
  givers: ReadonlyMap<string, Giver>,
): Promise<readonly RegisteredConsent[]> {
  const judged = await Promise.all(
    read.map(async ({ consent, word }): Promise<readonly RegisteredConsent[]> => {
      if (word === undefined) return [consent]
      if (isKept(word, consent, read)) return []
      const giver = givers.get(word.claims.deviceId)
      const verdict = await judgeWord(word, consent, device, giver)
      if (verdict === 'false') return []
      const ending = endingWith(consent, giver, word.claims.kid)
      return [verdict === 'awaited' ? { ...ending, isAwaited: true } : ending]
    }),
  )
  return judged.flat()
}
