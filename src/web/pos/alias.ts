import type { Profile } from '../../device/sdk/index.ts'
import { prefer, usePreferences } from '../shared/preferences.ts'

/**
 * The shop's alias in PI-SPI, which somebody has typed in on this till. It is kept with the wallet that it was typed for: a phone that
 * becomes another shop's till must not send other apps' payments to the first one.
 */
export function useAlias({ ownerWallet }: Pick<Profile, 'ownerWallet'>): string | undefined {
  const { piSpi } = usePreferences()
  return piSpi?.wallet === ownerWallet ? piSpi.alias : undefined
}

/** @param alias undefined: none any more */
export function setAlias({ ownerWallet: wallet }: Pick<Profile, 'ownerWallet'>, alias: string | undefined): void {
  prefer({ piSpi: alias === undefined ? undefined : { wallet, alias } })
}
