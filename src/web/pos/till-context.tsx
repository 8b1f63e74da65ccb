import { createContext, use } from 'react'
import type { OfflineSDK } from '../../device/sdk/index.ts'
import type { Carrying } from './carrying/carrying.ts'
import type { Seen } from './unseen/seen.ts'
import type { Messages } from './words/messages.ts'

/** What every screen has at hand. */
interface TillContext {
  readonly sdk: OfflineSDK
  readonly deviceId: string
  /** What is carried for other tills. */
  readonly carrying: Carrying
  /** The bad outcomes that a person has opened. */
  readonly seen: Seen
  readonly words: Messages
}

const Context = createContext<TillContext | undefined>(undefined)
export const TillProvider = Context

/** @throws Error outside of a `TillProvider` */
export function useTill(): TillContext {
  const till = use(Context)
  if (till === undefined) throw new Error('there is no <TillProvider> above this screen')
  return till
}
