import { createContext, use } from 'react'
import type { OfflineSDK } from '../../device/sdk/index.ts'
import type { Messages } from './words/messages.ts'

/** What every screen has at hand. */
interface WalletContext {
  readonly sdk: OfflineSDK
  readonly deviceId: string
  readonly words: Messages
}

const Context = createContext<WalletContext | undefined>(undefined)
export const WalletProvider = Context

/** @throws Error outside of a `WalletProvider` */
export function useWallet(): WalletContext {
  const wallet = use(Context)
  if (wallet === undefined) throw new Error('there is no <WalletProvider> above this screen')
  return wallet
}
