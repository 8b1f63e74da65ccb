import type { CryptoSuite } from '../../../crypto/suite.ts'
import { fromBase64url, toHex } from '../../../protocol/bytes.ts'
import type { Payment } from '../../../protocol/payment.ts'
import type { LocalDevice } from '../store/local-device.ts'
import { exportedPayment } from './export.ts'
import type { Returning } from './restorable.ts'

/** Bytes of a digest that name a payment: as many as the chain uses. */
const NAME_BYTES = 16

/**
 * Takes a payment of an export under a new counter. The counter is noted before the payment is written under it, so that
 * the same payment is never taken twice, however often and wherever this is cut off. The caller holds the lock.
 *
 * @returns the counter that it has now
 */
export async function renumber(device: LocalDevice, suite: CryptoSuite, one: Returning, payment: Payment) {
  const { journal, records, state } = device
  const digest = await suite.sha256(fromBase64url(one.exported.payload ?? ''))
  const key = `renumbered/${toHex(digest.slice(0, NAME_BYTES))}`
  const noted = await records.read(key)
  if (noted.kind === 'whole') {
    const { counter } = noted.body as { readonly counter: number }
    if (wasTaken(device, counter, payment)) return counter
  }
  const terms = (counter: number) => ({ ...payment, counter })
  const note = (counter: number) => records.write(key, { counter })
  return (await journal.take(terms, one.expected, state.policy.version, note)).counter
}

/** Whether the payment was written after its counter was noted. */
function wasTaken({ deviceId, journal, state }: LocalDevice, counter: number, payment: Payment): boolean {
  // Done, and removed since.
  if (counter < state.firstCounter) return true
  // Torn while it was written, or whole once and perhaps sent: nobody can tell which, until a person has voided it.
  const damaged = journal.damaged.find((record) => record.counter === counter)
  if (damaged) return damaged.kind !== 'absent'
  const entry = journal.entry(counter)
  // Torn while it was written, and voided by a person since: that number is no payment.
  if (entry?.payment === undefined) return false
  const as = exportedPayment(deviceId, { ...entry, payment: { ...payment, counter } })
  return exportedPayment(deviceId, entry).payload === as.payload
}
