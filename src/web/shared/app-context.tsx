import { createContext, use } from 'react'
import type { OfflineSDK } from '../../device/sdk/index.ts'
import type { Door } from './door.ts'
import type { SharedMessages } from './words/messages.ts'

/** What the parts that every page has find at hand, once its device is open. */
interface AppContext {
  readonly sdk: OfflineSDK
  readonly deviceId: string
  readonly door: Door
  readonly words: SharedMessages
}

const Context = createContext<AppContext | undefined>(undefined)
export const AppProvider = Context

/** @throws Error outside of an `AppProvider` */
export function useApp(): AppContext {
  const app = use(Context)
  if (app === undefined) throw new Error('there is no <AppProvider> above this part')
  return app
}
