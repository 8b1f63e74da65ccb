import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'

/** Promises 1 and 3: what people were told, and what a receipt covers, is in the book, as it was agreed. Each answers with sentences of what is wrong. */
export function toldIsBooked({ devices, receipts }: World, booked: ReadonlyMap<string, BookedPayment>): string[] {
  const wrong: string[] = []
  for (const device of devices) {
    for (const [localId, told] of device.told) {
      const row = booked.get(localId)
      const mayLack = told.isVoided || told.mayBeVoided || told.isGone || device.isRevoked || device.isDoubtful
      if (row === undefined) {
        if (!mayLack) wrong.push(`${localId} was told to be paid, and is not in the book`)
        continue
      }
      if (told.isVoided && !device.isDoubtful) wrong.push(`${localId} was taken back, and is in the book`)
      const { amount, sender, receiver } = told.terms
      const agrees = row.amount === amount && row.sender === sender && row.receiver === receiver
      if (!agrees && !device.isDoubtful)
        wrong.push(`${localId} is booked as ${row.amount} F from ${row.sender} to ${row.receiver}`)
    }
  }
  const wasTold = new Set(devices.flatMap(({ told }) => [...told.keys()]))
  const doubtful = new Set(devices.filter(({ isDoubtful }) => isDoubtful).map(({ id }) => id))
  for (const localId of booked.keys()) {
    const [id = ''] = localId.split('/')
    // A process may die between its last write and the moment at which a person is told: then its device shows it.
    const isShown = devices.some(({ sdk }) => sdk.getTransaction(localId) !== undefined)
    if (!wasTold.has(localId) && !doubtful.has(id) && !isShown) {
      wrong.push(`${localId} is in the book, and nobody took it`)
    }
  }
  return [...wrong, ...receipts.faults]
}

export function receiptsAreBooked({ receipts }: World, bundles: ReadonlySet<string>): string[] {
  return [...receipts.seen.keys()]
    .filter((id) => !bundles.has(id))
    .map((id) => `bundle ${id} has a receipt, and is not in the book`)
}
