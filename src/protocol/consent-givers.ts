import { equalBytes, fromHex } from './bytes.ts'
import { type ConsentGiver, givenByPeople, type KeptConsent, paysUntil } from './consent.ts'
import type { DeviceStatus } from './messages.ts'
import type { Result } from './result.ts'

/**
 * Devices that have consented to others. What such a device has given ends when it does not pay any more itself: stopped, its key
 * in other hands, its own consent withdrawn. That is asked whenever the other device's word is to count, so nothing has to be told
 * from one object to another, and nothing can be lost in between.
 */
export interface GiverIdentity {
  readonly status: DeviceStatus
  readonly kid: Uint8Array
  readonly tenant: string
  readonly ownerWallet: string
  readonly consents: readonly KeptConsent[]
  /** Ids of keys that somebody else may have. */
  readonly revoked: readonly Uint8Array[]
}

/** Asks the object of a device: a copy may be older than what stopped it. */
export type AskIdentity = (deviceId: string) => Promise<Result<GiverIdentity, unknown>>

export interface Giver {
  readonly tenant: string
  readonly ownerWallet: string
  readonly untilMs: number
  /** Whether the key that it gave it by is the one in use. */
  readonly isCurrent: boolean
}

/** @returns undefined when it does not pay now by consent that is no other device's word */
export async function payingGiver(
  ask: AskIdentity,
  { deviceId, kid }: Pick<ConsentGiver, 'deviceId' | 'kid'>,
  nowMs: number,
): Promise<Giver | undefined> {
  const identity = await ask(deviceId)
  if (!identity.ok || identity.value.status !== 'active') return undefined
  const { tenant, ownerWallet, consents, revoked, kid: own } = identity.value
  const id = fromHex(kid)
  if (revoked.some((key) => equalBytes(key, id))) return undefined
  const untilMs = paysUntil(givenByPeople(consents), id, nowMs)
  return untilMs === undefined ? undefined : { tenant, ownerWallet, untilMs, isCurrent: equalBytes(own, id) }
}

/** Who has given what is in force. */
export const giversOf = (consents: readonly KeptConsent[]): readonly ConsentGiver[] =>
  consents.flatMap(({ giver, withdrawnAtMs }) => (giver && withdrawnAtMs === null ? [giver] : []))

/** @returns those that have given what is in force, and do not pay any more */
export async function lostGivers(
  ask: AskIdentity,
  consents: readonly KeptConsent[],
  nowMs: number,
): Promise<readonly ConsentGiver[]> {
  const givers = giversOf(consents)
  const paying = await Promise.all(givers.map((giver) => payingGiver(ask, giver, nowMs)))
  return givers.filter((_, i) => paying[i] === undefined)
}
