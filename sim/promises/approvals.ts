import { isPayment } from '../../src/protocol/payment.ts'
import type { BookedPayment } from '../book-view.ts'
import { type AdmittedDevice, firstEntries } from './admitted.ts'
import type { AgentsWord } from './agents-word.ts'
import type { PolicyRow } from './policies.ts'

const MOVED = new Set(['succeeded', 'reversed'])

/** Above the limit of its policy nothing is in the book without an agent's signature over it, and each of his is good for one payment. */
export async function largePaymentsAreApproved(
  devices: readonly AdmittedDevice[],
  booked: ReadonlyMap<string, BookedPayment>,
  policies: ReadonlyMap<string, PolicyRow>,
  word: AgentsWord,
): Promise<string[]> {
  const wrong: string[] = []
  for (const { id, bundles } of devices) {
    const used = new Map<string, string>()
    for (const [counter, [entry, { receipt }]] of firstEntries(bundles)) {
      const localId = `${id}/${counter}`
      if (!isPayment(entry) || !MOVED.has(booked.get(localId)?.status ?? '')) continue
      const policy = policies.get(`${receipt.country}/${receipt.policyVersion}`)
      if (policy === undefined || entry.amount <= policy.require_agent_approval_above) continue
      if ((await word.of(entry, id, policy.max_clock_skew_minutes)) !== 'given') {
        wrong.push(`${localId} moved ${entry.amount} F without an agent’s signature`)
      }
      const request = word.requestOf(entry) ?? ''
      if (used.has(request)) wrong.push(`${localId} and ${used.get(request)} moved by one approval`)
      used.set(request, localId)
    }
  }
  return wrong
}
