import type { CarriedState, NotCarried } from '../../../device/relay/index.ts'
import type { ClaimChoice } from '../../../device/sdk/index.ts'
import type { WalletFault } from '../../../protocol/wallet.ts'
import type { CodeKind } from '../scan/code.ts'
import type { ScanTrouble } from '../scan/trouble.ts'
import type { Unready } from '../till/readiness.ts'

/** Everything the till says beside what the components of src/ui say, in one language. Nothing here calls a payment paid. */
export interface Messages {
  readonly title: string
  readonly opening: string
  readonly language: string
  readonly nav: { readonly label: string; readonly till: string; readonly today: string; readonly device: string }
  readonly back: string
  readonly close: string
  readonly till: {
    readonly amount: string
    readonly pad: string
    readonly erase: string
    readonly next: string
    readonly take: (amount: string) => string
    readonly taking: string
    readonly tooMuch: (max: string) => string
    readonly tooMuchToday: (left: string) => string
    /** Above what may be taken before the next sync. */
    readonly tooMuchUnsynced: (left: string) => string
    readonly leftToday: (value: string, count: number) => string
    /** A key of the keyboard that no amount has. */
    readonly foreignKey: (key: string) => string
    /** A payment that is being taken for too long. */
    readonly stuck: string
    readonly giveUp: string
    /** Why the till takes nothing. */
    readonly unready: Readonly<Record<Unready, string>>
  }
  readonly payer: {
    readonly title: string
    readonly wallet: string
    readonly walletHint: string
    readonly walletMissing: string
    /** Why a text is no wallet. */
    readonly faults: Readonly<Record<Exclude<WalletFault, 'empty'>, string>>
    /** The phone number that was understood. */
    readonly means: (number: string) => string
    readonly walletOwn: string
    readonly method: string
    readonly methods: Readonly<Record<'wallet' | 'qr' | 'ussd', string>>
    readonly scan: string
    readonly scanning: string
    readonly proofWhy: (above: string) => string
    readonly approval: string
    readonly approvalWhy: (above: string) => string
    readonly approvalMissing: string
    readonly approvalWrong: string
    /** The code that the agent's phone reads. */
    readonly approvalShow: string
    readonly approvalHide: string
    readonly approvalScanning: string
    readonly approvalPayerFirst: string
    readonly reviewed: (above: string) => string
    readonly again: (amount: string, time: string) => string
    readonly againMissing: string
    readonly againYes: string
  }
  readonly result: {
    readonly next: string
    readonly receipt: string
  }
  /** Before the till was in contact with the server. */
  readonly first: { readonly title: string; readonly needed: string; readonly trying: string; readonly notYet: string }
  readonly today: {
    readonly title: string
    readonly settled: string
    readonly waiting: string
    readonly notPaid: string
    readonly earlier: string
    /** Payments of earlier days that are among those that wait. */
    readonly waitsLonger: (payments: number) => string
    readonly carry: string
  }
  /** Payments that brought no money and that nobody has opened yet. */
  readonly unseen: {
    readonly title: string
    readonly bar: (payments: number, value: string) => string
    readonly open: string
    readonly what: string
    readonly none: string
    readonly all: string
  }
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
  readonly limits: {
    readonly title: string
    readonly value: string
    readonly unsynced: string
    readonly count: string
    readonly left: (left: string, of: string) => string
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
  readonly carry: {
    readonly title: string
    readonly nothing: string
    readonly making: string
    readonly what: (payments: number) => string
    readonly until: (time: string) => string
    readonly scanReceipt: string
    readonly receiptHint: string
    readonly acknowledged: (payments: number) => string
    readonly known: string
    readonly notOurs: string
  }
  /** The camera. */
  readonly scan: {
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
  /** Another till's bundle on this phone. */
  readonly carried: {
    readonly title: string
    readonly waiting: (bundles: number) => string
    readonly what: string
    readonly scan: string
    readonly scanHint: string
    readonly none: string
    readonly gone: string
    readonly from: (deviceId: string) => string
    readonly states: Readonly<Record<CarriedState['status'], string>>
    readonly explained: Readonly<Record<CarriedState['status'], string>>
    readonly send: string
    readonly sending: string
    readonly forget: string
    readonly forgetSure: string
    readonly notCarried: Readonly<Record<NotCarried | 'storage_failed', string>>
  }
  readonly device: {
    readonly title: string
    readonly id: string
    readonly shop: string
    /** The ledger does not know the shop's account. */
    readonly shopUnknown: string
    readonly shopForeign: string
    readonly pays: string
    readonly paysUntil: string
    readonly paysNot: string
    readonly language: string
    readonly theme: string
    readonly themes: Readonly<Record<'auto' | 'light' | 'dark', string>>
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
    readonly passphrase: string
    readonly passphraseHint: string
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
