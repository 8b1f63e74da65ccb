import type { CarriedState, NotCarried } from '../../../device/relay/index.ts'
import type { SharedMessages } from '../../shared/words/messages.ts'

/** Everything the till says beside what the components of src/ui say, in one language. Nothing here calls a payment paid. */
export interface Messages extends SharedMessages {
  readonly nav: { readonly label: string; readonly till: string; readonly today: string; readonly device: string }
  readonly till: {
    readonly take: (amount: string) => string
    readonly taking: string
  }
  /** The customer scans what the till asks. */
  readonly ask: {
    readonly title: string
    readonly making: string
    /** Names the symbol to who does not see it. */
    readonly code: (amount: string) => string
    readonly scan: string
    readonly scanning: string
    readonly noPhone: string
    /** Why nobody pays so much without a phone. */
    readonly phoneOnly: (above: string) => string
    readonly again: string
    readonly used: (number: string, time: string) => string
    readonly otherAmount: (amount: string) => string
    readonly agent: string
    readonly signedBy: (payer: string) => string
  }
  /** The shop in PI-SPI. */
  readonly alias: {
    readonly label: string
    readonly hint: string
    readonly wrong: string
    readonly save: string
    readonly saved: string
    readonly none: string
  }
  readonly payer: {
    readonly title: string
    readonly wallet: string
    readonly walletHint: string
    readonly walletMissing: string
    readonly walletOwn: string
    readonly method: string
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
  /** A payment is given back. */
  readonly refund: {
    readonly title: string
    readonly open: string
    readonly amount: string
    readonly left: (left: string) => string
    readonly wrong: (left: string) => string
    readonly to: (account: string) => string
    readonly sure: (amount: string) => string
    readonly sending: string
    readonly taken: (amount: string) => string
    readonly voided: string
    readonly already: (amount: string) => string
    readonly of: (number: string) => string
    readonly show: string
  }
  readonly first: SharedMessages['first'] & { readonly notYet: string }
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
  readonly limits: {
    readonly title: string
    readonly value: string
    readonly unsynced: string
    readonly count: string
    readonly left: (left: string, of: string) => string
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
  readonly device: SharedMessages['device'] & {
    readonly title: string
    readonly id: string
    readonly shop: string
    /** The ledger does not know the shop's account. */
    readonly shopUnknown: string
    readonly shopForeign: string
    readonly pays: string
    readonly paysUntil: string
    readonly paysNot: string
  }
}
