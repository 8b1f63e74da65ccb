import { openSettleMessage } from '../../src/crypto/settle-message.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { ulidText } from '../../src/protocol/ids.ts'
import type { ResolutionMessage, ReviewEnd } from '../../src/protocol/messages.ts'

/** A row of `offline_resolutions` with the edge's message that it was made of. */
export interface ResolutionEvidence {
  readonly device_id: string
  readonly rev: number
  readonly counter: number
  readonly bundle_id: string
  readonly choice: Item[1]
  readonly actors: readonly string[]
  readonly decided_at: Date
  readonly message: Uint8Array
}

export const RESOLUTION_EVIDENCE = 'device_id, rev, counter, bundle_id, choice, actors, decided_at, message'

export type Item = readonly [counter: number, choice: ReviewEnd | 'reverse']

export function itemsOf(message: ResolutionMessage): readonly Item[] {
  if (message.kind === 'reversal') return [[message.counter, 'reverse']]
  return message.choices.map(({ counter, choice }): Item => [counter, choice])
}

/** Whether the edge has signed what the row says: whoever may write rows must not be able to resolve payments. */
export async function isSignedResolution(row: ResolutionEvidence, trusted: readonly TrustedKey[]): Promise<boolean> {
  const opened = await openSettleMessage(new Uint8Array(row.message), trusted).catch(() => undefined)
  if (!opened?.ok) return false
  const message = opened.value
  if (message.kind !== 'review' && message.kind !== 'reversal') return false
  return (
    message.deviceId === row.device_id &&
    message.rev === row.rev &&
    ulidText(message.bundleId) === row.bundle_id &&
    message.decidedAtMs === row.decided_at.getTime() &&
    message.actors.join(' ') === row.actors.join(' ') &&
    itemsOf(message).some(([counter, choice]) => counter === row.counter && choice === row.choice)
  )
}
