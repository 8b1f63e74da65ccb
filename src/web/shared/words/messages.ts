import type { ClaimChoice } from '../../../device/sdk/index.ts'
import type { WalletFault } from '../../../protocol/wallet.ts'
import type { Unready } from '../pad/readiness.ts'
import type { CodeKind } from '../scan/code.ts'
import type { ScanTrouble } from '../scan/trouble.ts'

/** What is said in the same words on every page, in one language. Nothing here calls a payment paid. */
export interface CommonMessages {
  /** The language, in itself. */
  readonly language: string
  readonly back: string
  readonly close: string
  readonly methods: Readonly<Record<'wallet' | 'qr' | 'ussd', string>>
  readonly account: {
    /** Why a text is no wallet. */
    readonly faults: Readonly<Record<Exclude<WalletFault, 'empty'>, string>>
    /** The phone number that was understood. */
    readonly means: (number: string) => string
  }
  /** The keys of an amount. */
  readonly pad: { readonly label: string; readonly erase: string }
  /** A payment that is being recorded for too long. */
  readonly slow: { readonly what: string; readonly giveUp: string }
  readonly choices: {
    readonly language: string
    readonly theme: string
    readonly themes: Readonly<Record<'auto' | 'light' | 'dark', string>>
  }
  /** What a saved file is encrypted with. */
  readonly secret: { readonly label: string; readonly hint: string }
  /** Payments that others ask for out of this device's wallet. */
  readonly claims: {
    readonly title: string
    readonly bar: (payments: number, value: string) => string
    readonly open: string
    readonly what: string
    readonly none: string
    readonly asks: string
    readonly takenAt: string
    readonly number: string
    readonly until: string
    readonly refuse: string
    readonly confirm: string
    /** The second press. */
    readonly sure: Readonly<Record<ClaimChoice, (amount: string) => string>>
    readonly sending: string
    /** The answer may not have come through; the same one may be given again. */
    readonly notSent: string
    /** What was answered here. */
    readonly said: Readonly<Record<ClaimChoice, string>>
    /** The other answer was given before. */
    readonly other: string
    /** It waits for no answer any more. */
    readonly over: string
  }
  /** The camera. */
  readonly scan: {
    readonly start: string
    readonly troubles: Readonly<Record<ScanTrouble, string>>
    readonly byHand: string
    readonly picture: string
    readonly noneInPicture: string
    readonly unable: string
    readonly text: string
    readonly progress: (have: number, of: number) => string
    /** What a code is that is not the wanted one. */
    readonly kinds: Readonly<Record<CodeKind, string>>
  }
}

/** What the parts say that every page has; each page in its own words. */
export interface SharedMessages extends CommonMessages {
  readonly title: string
  readonly opening: string
  /** How much. */
  readonly amount: {
    readonly title: string
    readonly next: string
    readonly tooMuch: (max: string) => string
    readonly tooMuchToday: (left: string) => string
    /** Above what may be taken before the next sync. */
    readonly tooMuchUnsynced: (left: string) => string
    readonly leftToday: (value: string, count: number) => string
    /** A key of the keyboard that no amount has. */
    readonly foreignKey: (key: string) => string
    /** Why nothing is taken. */
    readonly unready: Readonly<Record<Unready, string>>
  }
  readonly receipt: {
    readonly title: string
    readonly provisional: string
    readonly number: string
    readonly time: string
    readonly from: string
    readonly to: string
    readonly shop: (account: string) => string
    readonly method: string
    readonly server: string
    readonly serverYes: string
    readonly serverNo: string
    readonly transfer: string
    readonly print: string
    readonly share: string
    readonly copied: string
    readonly notShared: string
    readonly none: string
    readonly void: string
    readonly voidSure: string
  }
  /** Before the device was in contact with the server. */
  readonly first: { readonly title: string; readonly needed: string; readonly trying: string }
  readonly device: {
    readonly opensOffline: string
    readonly opensOfflineYes: string
    readonly opensOfflineNotYet: string
    readonly storage: string
    readonly storageKept: string
    readonly storageLoose: string
    /** Where the app has the storage of the tab that it is installed from. */
    readonly storageInstall: string
    /** A tab of an iPhone: an app that is installed from it has a storage of its own. */
    readonly storageTab: string
    readonly install: string
    readonly export: string
    readonly exportWhat: string
    readonly exportDo: string
    readonly leave: string
    readonly leaveWhat: string
    readonly leaveUnsynced: (payments: number | 'unknown') => string
    readonly leaveFailed: string
    readonly leaveDo: string
    readonly leaveSure: string
    /** Removing a till with payments that were not sent. */
    readonly leaveWithFile: string
    readonly leaveSaved: string
    readonly leaveSavedDo: string
    readonly leaveStay: string
  }
  /** The file of a till that was removed, or that could not send any more. */
  readonly takeOver: {
    readonly title: string
    readonly what: string
    readonly file: string
    readonly do: string
    readonly unreadable: string
    readonly otherDevice: (deviceId: string) => string
    readonly taken: (payments: number) => string
    readonly received: (payments: number) => string
    readonly left: (payments: number) => string
  }
  readonly enrol: {
    readonly title: string
    readonly what: string
    readonly deviceId: string
    readonly code: string
    readonly do: string
    readonly enrolling: string
    readonly other: (current: string, wanted: string) => string
    readonly switch: string
    readonly stay: string
    readonly wrongCode: string
    readonly noNetwork: string
    readonly failed: string
    readonly failedWhy: string
    readonly retry: string
  }
  /** An iPhone, before the code is used. */
  readonly install: {
    readonly title: string
    readonly why: string
    readonly steps: readonly string[]
    readonly stay: string
    readonly stayWhy: string
  }
  /** The storage was deleted while the till was open. */
  readonly gone: {
    readonly title: string
    readonly what: string
    readonly safe: string
    readonly again: string
    readonly unsynced: (payments: number | 'unknown') => string
    readonly otherSends: string
  }
  /** After a fault of the page itself. */
  readonly crash: { readonly title: string; readonly what: string; readonly reopen: string }
  readonly update: { readonly ready: string; readonly now: string }
}
