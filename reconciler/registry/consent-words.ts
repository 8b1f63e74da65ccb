import { verifySign1 } from '../../src/crypto/sign1.ts'
import type { Verifier } from '../../src/crypto/suite.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { givenByPeople, paysUntil } from '../../src/protocol/consent.ts'
import type { SignedConsentWord } from '../../src/protocol/consent-word.ts'
import type { ReadConsent, RegisteredConsent } from './consents.ts'

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
  const giverUntilMs = paysUntil(givenByPeople(giver.consents), kid, givenAtMs)
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
      const verdict = await judgeWord(word, consent, device, givers.get(word.claims.deviceId))
      if (verdict === 'false') return []
      return [verdict === 'awaited' ? { ...consent, isAwaited: true } : consent]
    }),
  )
  return judged.flat()
}
