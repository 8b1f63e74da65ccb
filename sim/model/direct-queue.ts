import type { SettleQueue } from '../../reconciler/pull/queue.ts'
import type { Leased, SimulatedQueue } from '../cloudflare/queue.ts'

/** As production's client asks. */
const BATCH_SIZE = 100
const VISIBILITY_TIMEOUT_MS = 30_000

/**
 * The settle queue without HTTP and without its official client, which cost more than everything else that a model of the
 * reconciler does. Shallow runs have it; deep ones pull as production does.
 *
 * @param way one way over the network, which takes time and may lose what travels: then it throws
 */
export function directQueue(
  queue: Pick<SimulatedQueue, 'lease' | 'acknowledge'>,
  way: (what: 'request' | 'answer') => Promise<void>,
): SettleQueue {
  const call = async <T>(work: () => T): Promise<T> => {
    await way('request')
    const answer = work()
    await way('answer')
    return answer
  }
  return {
    pull: () => call(() => queue.lease(BATCH_SIZE, VISIBILITY_TIMEOUT_MS).map(pulled)),
    acknowledge: (leaseIds) => call(() => leaseIds.forEach((leaseId) => void queue.acknowledge(leaseId))),
  }
}

/** A copy: whoever pulls may do with it what it likes. */
const pulled = ({ leaseId, body }: Leased) => ({ leaseId, body: body.bytes.slice() })
