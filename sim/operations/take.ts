import { OfflineError, type PaymentTerms } from '../../src/device/sdk/index.ts'
import type { SimDevice } from '../people/device.ts'
import { roomOf, wrongAnswer } from '../promises/taking.ts'
import type { World } from '../world.ts'

/**
 * A till takes a payment, or says why not.
 *
 * @param ageMin of its approval, in minutes
 * @param taking how it is taken
 * @returns how the sentence goes on
 */
export async function take(
  world: World,
  device: SimDevice,
  terms: PaymentTerms,
  ageMin = 0,
  taking = () => device.sdk.createOfflineTransaction(terms),
): Promise<string> {
  const { isDoubtful } = device
  const room = roomOf(device.sdk)
  const judge = (declined?: string) => {
    // What came in between may have changed the limits, or what is left of the day.
    const after = declined === undefined ? room : roomOf(device.sdk)
    const isSame = room !== undefined && JSON.stringify(room) === JSON.stringify(after)
    const fault = isSame ? wrongAnswer(terms, ageMin, room, declined) : undefined
    if (fault !== undefined) world.wrong.push(`${device.id}: ${fault}`)
  }
  try {
    const { localId } = await taking()
    if (world.receipts.covers(localId) && !isDoubtful && !device.beganAnew) {
      world.wrong.push(`${localId} was told for a new payment, and a receipt covers it`)
    }
    device.note(localId, terms, isDoubtful)
    if (roomOf(device.sdk)?.version === room?.version) judge()
    const { amount, sender, receiver, authorization } = terms
    return `takes ${localId}: ${amount} F from ${sender} to ${receiver}${authorization ? ', which the payer signed' : ''}`
  } catch (error) {
    if (!(error instanceof OfflineError) || error.money !== 'not_taken') throw error
    device.decline(error.reason ?? error.code)
    if (error.reason !== undefined) judge(error.reason)
    return `does not take ${terms.amount} F: ${error.reason ?? error.code}`
  }
}

/** Somebody switches a device on that has died. */
export async function alive(device: SimDevice): Promise<void> {
  if (device.life.isOver) await device.restart()
}
