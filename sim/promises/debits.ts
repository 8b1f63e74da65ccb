import { type CborValue, decodeCbor } from '../../src/protocol/cbor.ts'
import { debitFromCbor } from '../../src/protocol/debits.ts'
import { localId } from '../../src/protocol/ids.ts'
import { DEBITS_PER_NOTICE_MAX } from '../../src/protocol/limits.ts'
import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'
import type { AdmittedDevice } from './admitted.ts'
import { isStopped } from './consent-words.ts'

/**
 * Each phone's object has been told of all that moved out of its wallet on its holder's word for it, within the newest that a notice
 * takes; what it was told is as the book has it now, and out of no other wallet.
 */
export function payersAreTold(
  { edge, phones }: Pick<World, 'edge' | 'phones'>,
  devices: readonly AdmittedDevice[],
  booked: ReadonlyMap<string, BookedPayment>,
): string[] {
  const owners = new Map<string, string>(devices.map(({ id, ownerWallet }) => [id, ownerWallet]))
  return [...phones].flatMap(([wallet, { deviceId }]) => {
    if (isStopped(edge, deviceId)) return []
    const [row] = edge.objects.read(deviceId, 'SELECT debits FROM taken_by_others')
    const told = row === undefined ? [] : (decodeCbor(new Uint8Array(row['debits'] as ArrayBuffer)) as CborValue[])
    const names = new Set<string>()
    const wrong = told.map(debitFromCbor).flatMap((debit) => {
      const name = localId(debit.takerId, debit.counter)
      names.add(name)
      const own = booked.get(name)
      if (own?.sender !== wallet) return [`${deviceId} is told of ${name}, which is not out of ${wallet}`]
      const [is, was] = [textOf(own), textOf({ ...debit, reason: debit.reason ?? null })]
      return is === was ? [] : [`${deviceId} is told that ${name} is ${was}, and it is ${is}`]
    })
    if (names.size === DEBITS_PER_NOTICE_MAX) return wrong
    const moved = [...booked.values()].filter(
      ({ sender, status, reason }) =>
        sender === wallet && (status === 'succeeded' || status === 'reversed') && reason !== 'mandated',
    )
    // A device of the wallet pays by its own word, and knows what became of it.
    const others = moved.filter(({ localId }) => owners.get(localId.split('/')[0] ?? '') !== wallet)
    const missing = others.filter(({ localId }) => !names.has(localId))
    return [...wrong, ...missing.map(({ localId }) => `${deviceId} is not told of ${localId}`)]
  })
}

const textOf = ({ amount, receiver, status, reason }: Omit<BookedPayment, 'localId' | 'sender' | 'transferId'>) =>
  `${status} (${reason}) of ${amount} to ${receiver}`
