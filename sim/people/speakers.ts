import type { Signer } from '../../src/crypto/suite.ts'
import type { Fetch } from '../../src/device/sdk/index.ts'
import type { Random } from '../time/random.ts'
import type { World } from '../world.ts'
import type { SimDevice } from './device.ts'
import type { Rogue } from './rogue.ts'

/** A phone that speaks for a wallet: it answers what is claimed, and gives mandates. */
export interface Speaker {
  readonly wallet: string
  readonly deviceId: string
  readonly signer: Signer
  readonly fetch: Fetch
  /** Whether what it says may be its holder's word at all. */
  readonly isHolders: boolean
}

/** Wallets whose holders have phones. */
export const spokenFor = ({ phones, household }: Pick<World, 'phones' | 'household'>): readonly string[] => [
  ...phones.keys(),
  household.first.wallet,
]

/**
 * The phones of a wallet, in any order.
 *
 * @param near whose network a customer at the till has
 * @param ready the phones of the household, as they are now
 */
export async function speakersOf(
  { phones, household }: Pick<World, 'phones' | 'household'>,
  wallet: string,
  near: SimDevice,
  random: Random,
  ready: () => Promise<readonly Rogue[]>,
): Promise<readonly Speaker[]> {
  const phone = phones.get(wallet)
  if (phone !== undefined) {
    return [{ wallet, deviceId: phone.deviceId, signer: phone.signer, fetch: near.network.fetch, isHolders: true }]
  }
  const speakers = (await ready()).map(async (one): Promise<Speaker> => {
    const isHolders = one !== household.third
    return { wallet, deviceId: one.id, signer: await one.signer(), fetch: one.network.fetch, isHolders }
  })
  const all = await Promise.all(speakers)
  return random.chance(0.5) ? all : all.toReversed()
}
