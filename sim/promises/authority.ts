import { deviceId } from '../../src/protocol/ids.ts'
import { isPayment, type Payment } from '../../src/protocol/payment.ts'
import type { BookedPayment } from '../book-view.ts'
import type { World } from '../world.ts'
import { type AdmittedDevice, type ConsentLine, firstEntries } from './admitted.ts'
import { isByHolder } from './codes.ts'
import { paysByConsent } from './consent.ts'
import { paysByWord } from './consent-words.ts'
import type { PayersWord } from './payers-word.ts'

const TWIN_MS = 60_000
const MOVED = new Set(['succeeded', 'reversed'])

interface Moved {
  readonly localId: string
  readonly payment: Payment
  readonly isDecided: boolean
}

/**
 * Promise 6: money moves by the word of the wallet's holder alone: his device's, with consent of people or of his other device, his signature, each good for one payment, or
 * his yes to a claim. Whoever said nothing loses nothing. And one payment on two devices moves once.
 */
export async function moneyMovesByItsOwnersWord(
  world: World,
  devices: readonly AdmittedDevice[],
  booked: ReadonlyMap<string, BookedPayment>,
  word: PayersWord,
): Promise<string[]> {
  const { edge, said, mandates, wallets, household, telephones } = world
  const wrong: string[] = []
  const all: Moved[] = []
  const used = new Map<string, string>()
  const giver = devices.find(({ id }) => id === household.first.id)
  for (const device of devices) {
    const { id, ownerWallet, tenant, bundles } = device
    const decided = new Set(
      edge.objects.read(id, "SELECT choices FROM resolutions WHERE kind = 'review'").flatMap(countersOf),
    )
    for (const [counter, [entry, admitted]] of firstEntries(bundles)) {
      const localId = `${id}/${counter}`
      if (!isPayment(entry) || !MOVED.has(booked.get(localId)?.status ?? '')) continue
      all.push({ localId, payment: entry, isDecided: decided.has(counter) })
      // All wallets of this market are of one tenant: a device of another has no word of its own, and asks nobody. People
      // speak for shops, and for a customer the customer's other phone, or the customer by a code.
      const isShop = wallets.some(({ wallet, kind }) => wallet === ownerWallet && kind !== 'customer')
      const isOwn = tenant === 'molam' && entry.sender === ownerWallet
      const byHolder = (one: ConsentLine) => isByHolder(world, device, one)
      if (isOwn && paysByConsent(device, entry, admitted, isShop ? undefined : byHolder)) continue
      if (isOwn && !isShop && paysByWord({ household, edge, telephones }, device, entry, admitted, giver)) continue
      if (tenant === 'molam' && entry.authorization === undefined && said.get(localId)?.has('confirm')) continue
      // What a mandate gives has a promise of its own.
      if (tenant === 'molam' && booked.get(localId)?.reason === 'mandated' && mandates.has(entry.sender)) continue
      if ((await word.of(entry, deviceId(id))) !== 'given')
        wrong.push(`${localId} moved ${entry.amount} F without the word of ${entry.sender}`)
      const answered = word.answeredBy(entry) ?? ''
      if (used.has(answered)) wrong.push(`${localId} and ${used.get(answered)} moved by one signature`)
      used.set(answered, localId)
    }
  }
  return [...wrong, ...twins(all)]
}

const countersOf = ({ choices }: Readonly<Record<string, unknown>>): readonly number[] =>
  (JSON.parse(String(choices)) as readonly (readonly [number, string])[]).map(([counter]) => counter)

function twins(all: readonly Moved[]): readonly string[] {
  const same = Map.groupBy(all, ({ payment: { sender, receiver, amount } }) => `${sender} ${receiver} ${amount}`)
  return [...same.values()].flatMap((group) =>
    group.flatMap((one, index) =>
      group.slice(0, index).flatMap((other) => {
        const isTwin =
          one.localId.split('/')[0] !== other.localId.split('/')[0] &&
          Math.abs(one.payment.initiatedAtMs - other.payment.initiatedAtMs) <= TWIN_MS
        const isSeen = one.isDecided || other.isDecided
        return isTwin && !isSeen ? [`${one.localId} and ${other.localId} are one payment, and moved twice`] : []
      }),
    ),
  )
}
