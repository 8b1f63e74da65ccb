import type pg from 'pg'
import { webCryptoSuite } from '../src/crypto/webcrypto.ts'
import { parseBundle } from '../src/protocol/bundle.ts'
import { toHex } from '../src/protocol/bytes.ts'
import { ulidText } from '../src/protocol/ids.ts'
import { encodeSettleMessage, parseSettleMessage, type SettleMessage } from '../src/protocol/messages.ts'
import { transact } from './db.ts'
import { type Received, receive } from './inbox.ts'
import type { Log } from './log.ts'
import { announce, type Subject } from './outbox.ts'
import type { PulledMessage, SettleQueue } from './queue.ts'

/**
 * Settle queue → inbox: pull → write, together with the confirmation that it is recorded → acknowledge.
 *
 * Dies before COMMIT: the queue delivers again. Dies before the acknowledgement: it delivers again what is already
 * here, which changes nothing. A message that cannot be read is kept as it is, parked, and acknowledged: delivered again
 * it would be no better.
 */
export interface PullDeps {
  readonly pool: pg.Pool
  readonly queue: SettleQueue
  readonly clock: () => number
  readonly log: Log
  /** In the transaction in which they are written. */
  readonly received?: (client: pg.ClientBase, messages: readonly Received[], at: Date) => Promise<void>
}

/** @returns how many messages the queue gave */
export async function pullOnce({ pool, queue, clock, log, received }: PullDeps): Promise<number> {
  const pulled = await queue.pull()
  if (pulled.length === 0) return 0
  const messages = await Promise.all(pulled.map(read))
  const unreadable = messages.filter(({ kind }) => kind === 'unreadable').length
  if (unreadable > 0) log.error({ unreadable }, 'messages cannot be read; parked')
  const at = new Date(clock())
  await transact(pool, async (client) => {
    await receive(client, messages, at)
    await received?.(client, messages, at)
    // What comes again after its confirmation was delivered shows that the edge does not know: it is told again.
    await announce(client, messages.flatMap(subjectOf), at)
  })
  await queue.acknowledge(pulled.map(({ leaseId }) => leaseId))
  return pulled.length
}

function subjectOf({ kind, deviceId, bundleId, seq, decisionRev }: Received): Subject[] {
  if (deviceId === undefined) return []
  if (kind === 'device') return [{ deviceId }]
  if (decisionRev !== undefined) return [{ deviceId, decisionRev }]
  return bundleId === undefined || seq === undefined ? [] : [{ deviceId, bundleId, seq }]
}

const UNREADABLE = new Set(['MalformedCbor', 'UnsupportedVersion'])

async function read({ body }: PulledMessage): Promise<Received> {
  try {
    return await keyed(parseSettleMessage(body), body)
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
      const { kind, rev: decisionRev } = message
      return { dedupKey: `decision/${deviceId}/${decisionRev}/${await hash(body)}`, kind, body, deviceId, decisionRev }
    }
  }
}

const hash = async (bytes: Uint8Array) => toHex(await webCryptoSuite.sha256(bytes))
