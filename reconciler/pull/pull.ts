import type pg from 'pg'
import { openSettleMessage } from '../../src/crypto/settle-message.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { parseBundle } from '../../src/protocol/bundle.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { ulidText } from '../../src/protocol/ids.ts'
import type { SettleMessage } from '../../src/protocol/messages.ts'
import { encodeSettleMessage } from '../../src/protocol/settle-codec.ts'
import { transact } from '../db.ts'
import type { Log } from '../log.ts'
import { announce, confirmable, type Subject } from '../tell/outbox.ts'
import { type Received, receive } from './inbox.ts'
import type { PulledMessage, SettleQueue } from './queue.ts'

/**
 * Settle queue → inbox: pull → write, together with the confirmation of what the edge has signed → acknowledge.
 *
 * Dies before COMMIT: the queue delivers again. Dies before the acknowledgement: it delivers again what is already
 * here, which changes nothing. A message that cannot be read, or that the edge did not sign, is kept as it is, parked, and
 * acknowledged: delivered again it would be no better. It is never confirmed, so the edge goes on sending what is owed. A
 * bundle is confirmed once it is verified: otherwise a forgery under its id would end the sending of the genuine one.
 */
export interface PullDeps {
  readonly pool: pg.Pool
  readonly queue: SettleQueue
  /** What the edge signs its messages with. */
  readonly trusted: readonly TrustedKey[]
  readonly clock: () => number
  readonly log: Log
  /** In the transaction in which they are written. */
  readonly received?: (client: pg.ClientBase, messages: readonly Received[], at: Date) => Promise<void>
}

/** @returns how many messages the queue gave */
export async function pullOnce({ pool, queue, trusted, clock, log, received }: PullDeps): Promise<number> {
  const pulled = await queue.pull()
  if (pulled.length === 0) return 0
  const messages = await Promise.all(pulled.map(({ body }) => readReceived(body, trusted)))
  for (const [fault, { length: count }] of Map.groupBy(messages, ({ fault }) => fault)) {
    if (fault !== undefined) log.error({ fault, count }, 'messages parked: not readable, or not the edge’s')
  }
  const at = new Date(clock())
  await transact(pool, async (client) => {
    await receive(client, messages, at)
    await received?.(client, messages, at)
    // What comes again after its confirmation was delivered shows that the edge does not know: it is told again.
    await announce(client, await confirmable(client, messages.flatMap(subjectOf)), at)
  })
  await queue.acknowledge(pulled.map(({ leaseId }) => leaseId))
  return pulled.length
}

export function subjectOf({ kind, deviceId, bundleId, seq, resolutionRev, answerRev }: Received): Subject[] {
  if (deviceId === undefined) return []
  if (kind === 'device') return [{ deviceId }]
  if (resolutionRev !== undefined) return [{ deviceId, resolutionRev }]
  if (answerRev !== undefined) return [{ deviceId, answerRev }]
  return bundleId === undefined || seq === undefined ? [] : [{ deviceId, bundleId, seq }]
}

const UNREADABLE = new Set(['MalformedCbor', 'UnsupportedVersion'])

/** A message as the inbox keeps it, under the key that it has each time it comes. */
export async function readReceived(body: PulledMessage['body'], trusted: readonly TrustedKey[]): Promise<Received> {
  try {
    const opened = await openSettleMessage(body, trusted)
    if (opened.ok) return await keyed(opened.value, body)
    const { fault, claimed } = opened.error
    // A key of its own, so that a forgery cannot stand in for the message that it imitates.
    const { dedupKey } = await keyed(claimed, body)
    return { dedupKey: `unauthentic/${dedupKey}`, kind: 'unreadable', body, fault: `${fault}: ${claimed.kind}` }
  } catch (error) {
    if (!(error instanceof Error) || !UNREADABLE.has(error.name)) throw error
    const dedupKey = `unreadable/${await hash(body)}`
    return { dedupKey, kind: 'unreadable', body, fault: `${error.name}: ${error.message}` }
  }
}

async function keyed(message: SettleMessage, body: Uint8Array): Promise<Received> {
  const { deviceId } = message
  switch (message.kind) {
    case 'bundle': {
      const { bundleId, seq } = parseBundle(message.bundle).claims
      const dedupKey = `bundle/${deviceId}/${await hash(body)}`
      return { dedupKey, kind: 'bundle', body, deviceId, bundleId: ulidText(bundleId), seq }
    }
    case 'device': {
      // The time of sending differs each time; the facts of a revision do not.
      const facts = encodeSettleMessage({ ...message, atMs: 0 })
      const dedupKey = `device/${deviceId}/${message.rev}/${await hash(facts)}`
      return { dedupKey, kind: 'device', body, deviceId }
    }
    case 'review':
    case 'reversal': {
      const { kind, rev: resolutionRev } = message
      // Signed anew each time it is sent.
      const content = await hash(encodeSettleMessage(message))
      return { dedupKey: `resolution/${deviceId}/${resolutionRev}/${content}`, kind, body, deviceId, resolutionRev }
    }
    case 'claim_answer':
    case 'mandate':
    case 'allowance_order': {
      const { kind, rev: answerRev } = message
      // Signed anew by the edge each time it is sent.
      const content = await hash(encodeSettleMessage(message))
      return { dedupKey: `${kind}/${deviceId}/${answerRev}/${content}`, kind, body, deviceId, answerRev }
    }
  }
}

const hash = async (bytes: Uint8Array) => toHex(await webCryptoSuite.sha256(bytes))
