import { isInvalid, isVoided } from '../../src/protocol/payment.ts'
import type { BookedPayment } from '../book-view.ts'
import { type AdmittedDevice, firstEntries, saidOf } from './admitted.ts'

/**
 * The edge cannot invent a payment, and the book holds each once: every payment of the book is the one that the first admitted
 * bundle of its device and number says, with its terms; and nothing that a receipt covers lacks there.
 */
export function bookedAsSigned(
  devices: readonly AdmittedDevice[],
  booked: ReadonlyMap<string, BookedPayment>,
): string[] {
  const wrong: string[] = []
  const signed = new Set<string>()
  for (const { id, bundles } of devices) {
    for (const [counter, [entry, { receipt }]] of firstEntries(bundles)) {
      const localId = `${id}/${counter}`
      const row = booked.get(localId)
      if (isVoided(entry) || isInvalid(entry)) {
        if (row !== undefined) wrong.push(`${localId} is no payment by its bundle, and is in the book`)
        signed.add(localId)
        continue
      }
      signed.add(localId)
      if (row === undefined) {
        wrong.push(`${localId} is covered by a receipt (${saidOf(receipt, counter).decision}), and is not in the book`)
        continue
      }
      const { amount, sender, receiver } = entry
      if (row.amount !== amount || row.sender !== sender || row.receiver !== receiver) {
        wrong.push(
          `${localId} was signed as ${amount} F from ${sender}, and is booked as ${row.amount} F from ${row.sender}`,
        )
      }
    }
  }
  for (const localId of booked.keys()) {
    if (!signed.has(localId)) wrong.push(`${localId} is in the book, and no admitted bundle holds it`)
  }
  return wrong
}
