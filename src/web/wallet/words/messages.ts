import type { AskedConsentCode, ConsentCodeResult, HeldAllowance } from '../../../device/sdk/index.ts'
import type { PaymentType } from '../../../protocol/payment.ts'
import type { SharedMessages } from '../../shared/words/messages.ts'
import type { AsideRefusal } from '../aside/refusals.ts'
import type { DAYS } from '../mandate/amounts.ts'

/** Why no code came, or why one counts no more. */
type CodeTrouble = Exclude<AskedConsentCode['state'] | ConsentCodeResult['state'], 'accepted' | 'wrong' | 'sent'>

/** Who has asked, and scans the answer: a till, or another person's phone. */
type Asker = 'till' | 'phone'

interface AnswerWords {
  readonly title: string
  readonly what: string
  readonly once: string
}

/** Everything the payer's page says beside what the components of src/ui say, in one language. Nothing here calls a payment paid. */
export interface Messages extends SharedMessages {
  readonly nav: { readonly label: string; readonly home: string; readonly history: string; readonly phone: string }
  readonly home: {
    readonly title: string
    readonly account: string
    readonly show: string
    readonly hide: string
    /** Goes on with the time. */
    readonly offline: (max: string) => string
    readonly noPass: string
    /** The ledger does not know the wallet, or it is another tenant's. */
    readonly fault: string
    readonly notYet: string
    readonly notYetWhy: string
    readonly allow: string
    readonly pay: string
    readonly receive: string
    readonly mandate: string
    readonly aside: string
  }
  readonly receive: {
    readonly title: string
    readonly what: string
    readonly code: string
    readonly safe: string
    /** To ask another phone for an amount. */
    readonly ask: string
    readonly askWhat: string
    readonly show: string
    readonly scan: string
    readonly scanning: string
    readonly again: string
    readonly from: (party: string) => string
  }
  /** The holder lets this phone pay. */
  readonly consent: {
    readonly title: string
    readonly what: string
    readonly done: string
    readonly until: string
    readonly onward: string
    readonly byCode: string
    readonly byCodeWhat: string
    readonly ask: string
    readonly askAgain: string
    /** Goes on with the time. */
    readonly sent: string
    readonly code: string
    readonly enter: string
    readonly checking: string
    readonly wrong: (triesLeft: number) => string
    readonly states: Readonly<Record<CodeTrouble, string>>
    readonly noNetwork: string
    readonly byPhone: string
    readonly byPhoneWhat: string
    readonly show: string
    readonly shown: string
    readonly scan: string
    readonly scanHint: string
    readonly notOurs: string
  }
  /** This phone lets another one pay. */
  readonly allow: {
    readonly title: string
    readonly what: string
    readonly scan: string
    readonly scanHint: string
    readonly asks: string
    readonly phone: string
    readonly account: string
    readonly compare: string
    readonly do: string
    readonly answer: string
    readonly other: string
  }
  readonly pay: {
    readonly title: string
    readonly who: string
    readonly receiver: string
    readonly receiverHint: string
    readonly scan: string
    readonly scanning: string
    readonly missing: string
    readonly own: string
    readonly towards: string
    readonly person: string
    readonly shop: string
    readonly next: string
  }
  /** Before anything is signed. */
  readonly confirm: {
    readonly title: string
    readonly to: string
    readonly what: string
    readonly types: Readonly<Record<PaymentType, string>>
    readonly taker: Readonly<Record<Asker, string>>
    readonly unproven: string
    readonly pay: (amount: string) => string
    readonly paying: string
  }
  /** What the till scans. */
  readonly answer: {
    readonly shownTo: Readonly<Record<Asker, AnswerWords>>
    readonly to: (party: string) => string
    readonly done: string
  }
  /** The phone's own lock, before each payment. */
  readonly lock: {
    readonly title: string
    readonly on: string
    readonly off: string
    readonly turnOn: string
    readonly turnOff: string
    readonly failed: string
  }
  readonly sent: { readonly to: (party: string) => string; readonly done: string; readonly details: string }
  /** Money that the book holds for what this phone signs with no network. */
  readonly aside: {
    readonly title: string
    readonly what: string
    readonly notHere: string
    readonly notAllowed: string
    readonly how: string
    readonly ask: string
    readonly askSure: (amount: string) => string
    readonly asking: string
    /** How it stands; each with all that was asked for and what is left of it. */
    readonly states: Readonly<Record<HeldAllowance['state'], (ceiling: string, left: string) => string>>
    /** No till is told yet. */
    readonly notInPass: string
    readonly why: Readonly<Record<AsideRefusal, string>>
    readonly covered: string
    readonly used: string
    readonly left: string
    readonly until: string
    readonly check: string
    readonly again: (amount: string) => string
    readonly close: string
    readonly closeSure: (left: string) => string
    readonly closing: string
    /** The order is kept; nobody sends it but a press. */
    readonly noNetwork: string
    /** Of home; goes on with the day. */
    readonly line: (left: string, ceiling: string) => string
  }
  readonly mandate: {
    readonly title: string
    readonly what: string
    readonly notHere: string
    readonly notAllowed: string
    readonly word: string
    readonly off: string
    /** Goes on with the day. */
    readonly on: (payment: string, day: string) => string
    readonly fromHere: string
    readonly perPayment: string
    readonly perDay: string
    readonly howLong: string
    readonly lasts: Readonly<Record<(typeof DAYS)[number], string>>
    readonly give: string
    readonly giveSure: (payment: string, day: string) => string
    readonly end: string
    readonly endSure: string
    readonly sending: string
    readonly said: Readonly<Record<'given' | 'ended', string>>
    readonly taken: string
    readonly takenNone: string
    readonly takenBy: (party: string, localId: string) => string
  }
  readonly history: {
    readonly title: string
    readonly recent: string
    readonly own: string
    /** Signed for tills. */
    readonly signed: string
    readonly signedWhat: string
    readonly signedNone: string
    /** This phone signed it, and the book has not said anything of it. */
    readonly unheard: string
    /** It is older than what the notice names. */
    readonly older: string
    readonly signedFor: (party: string, taker: string) => string
    readonly unsigned: string
    readonly all: string
  }
  readonly lost: {
    readonly title: string
    readonly steps: readonly string[]
    readonly mandate: string
    readonly still: string
    readonly thisOne: string
  }
  readonly phone: {
    readonly title: string
    readonly id: string
    readonly account: string
    readonly pays: string
    readonly paysUntil: string
    readonly paysNot: string
    readonly allow: string
    readonly consent: string
  }
}
