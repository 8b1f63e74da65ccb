import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'

/** Promises 1 and 3: what people were told, and what a receipt covers, is in the book, as it was agreed. Each answers with sentences of what is wrong. */
export function toldIsBooked(
  { devices, receipts, rogue, outsider, loner, newcomer, thief, household: { second, third } }: World,
  booked: ReadonlyMap<string, BookedPayment>,
): string[] {
  const wrong: string[] = []
  for (const device of devices) {
    for (const [localId, told] of device.told) {
      const row = booked.get(localId)
      const { isVoided, mayBeVoided, isGone, isDoubtful, terms } = told
      const isStuck = device.isInConflict && device.sdk.getTransaction(localId) !== undefined
      const isKept = !isGone && !isDoubtful && !isStuck && !device.isRevoked
      if (row === undefined) {
        // What a receipt covers is asked of each bundle by itself (booked.ts).
        const mayLack = isVoided || mayBeVoided || !isKept
        if (!mayLack) wrong.push(`${localId} was told to be paid, and is not in the book`)
        continue
      }
      // One that is gone may have left its number to another.
      if (isDoubtful || isGone) continue
      if (isVoided) wrong.push(`${localId} was taken back, and is in the book`)
      const { amount, sender, receiver } = terms
      if (row.amount !== amount || row.sender !== sender || row.receiver !== receiver) {
        wrong.push(
          `${localId} was told as ${amount} F from ${sender}, and is booked as ${row.amount} F from ${row.sender}`,
        )
      }
    }
  }
  const wasTold = new Set(devices.flatMap(({ told }) => [...told.keys()]))
  const wasSetBack = new Set(devices.filter(({ setBackAtMs }) => setBackAtMs !== undefined).map(({ id }) => id))
  const liars = new Set([rogue, outsider, loner, second, third, newcomer, thief].map(({ id }) => id))
  for (const localId of booked.keys()) {
    const [id = ''] = localId.split('/')
    // A process may die between its last write and the moment at which a person is told: then its device shows it.
    const isShown = devices.some(({ sdk }) => sdk.getTransaction(localId) !== undefined)
    if (!liars.has(id) && !wasTold.has(localId) && !wasSetBack.has(id) && !isShown) {
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
