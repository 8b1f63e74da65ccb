import {
  type Account,
  assertBalanced,
  availableMinor,
  type Book,
  openAccount,
  type Posted,
  type PostingKind,
  type RequestedTransfer,
  sourceKey,
  type TransferKind,
  transferKey,
} from './book.ts'
import { assertBook } from './broken.ts'

/**
 * Posts transfers one after the other, each for itself: what `wallet_core.post_transfers` decides, in the plainest way.
 *
 *   posted before? → can it be at all? → fee → hold → funds → write
 *
 * @returns for each in its place what became of it
 * @throws BookBroken, and then nothing may be believed any more
 */
export function post(book: Book, kind: PostingKind, batch: readonly RequestedTransfer[]): readonly Posted[] {
  assertBook(new Set(batch.map(sourceKey)).size === batch.length, 'one source comes once in a batch')
  const posted = batch.map((asked) => postOne(book, kind, asked))
  assertBalanced(book)
  return posted
}

/** Money enters from a system account, once for each number. @throws BookBroken */
export function fund(book: Book, reference: string, no: number, wallet: string, amountMinor: number, currency: string) {
  const debit = openAccount(book, `system:treasury:${currency}`, currency, 'system').wallet
  const asked = { sourceId: reference, sourceNo: no, debit, credit: wallet, amountMinor, currency }
  const [funded] = post(book, 'funding', [asked])
  assertBook(funded?.result === 'posted' || funded?.result === 'exists', 'a funding is posted')
}

function postOne(book: Book, kind: PostingKind, asked: RequestedTransfer): Posted {
  if (asked.allowance === undefined) return postAs(book, kind, asked)
  const { sourceId, sourceNo, fee, amountMinor, allowance } = asked
  const before = structuredClone({ allowance, hold: book.holds.get(sourceKey({ sourceId, sourceNo })) })
  const debit = book.accounts.get(asked.debit)
  const covered = allowance.wallet === debit?.wallet ? Math.min(allowance.heldMinor, amountMinor) : 0
  /** As if what is held were available to this one. */
  const attempt = (one: RequestedTransfer): Posted => {
    if (debit) debit.heldMinor -= covered
    allowance.heldMinor -= covered
    const posted = postAs(book, kind, one)
    if (posted.result === 'posted' || posted.result === 'held') {
      allowance.consumed += covered
      return { ...posted, covered }
    }
    if (debit) debit.heldMinor += covered
    allowance.heldMinor += covered
    return { ...posted, covered: 0 }
  }
  const bears = fee?.bearer === 'payer' && fee.minor > 0
  if (asked.isHeldOnly) return heldOnly(asked, attempt, covered, bears)
  const posted = attempt(asked)
  if (posted.reason !== 'insufficient_funds') return posted
  assertBook(before.hold === undefined, 'what is signed under an allowance has no hold before')
  if (bears) {
    const waived = attempt({ ...asked, fee: undefined })
    if (waived.result !== 'failed') return { ...waived, isFeeWaived: true }
  }
  const missing = amountMinor - covered - (debit ? availableMinor(debit) : 0)
  return { ...posted, reason: 'allowance_shortfall', missing }
}

/** What is held pays all of it, and the payer's fee is let go; or nothing is paid. */
function heldOnly(
  asked: RequestedTransfer,
  attempt: (one: RequestedTransfer) => Posted,
  covered: number,
  bears: boolean,
): Posted {
  const missing = asked.amountMinor - covered
  if (missing > 0) {
    const tried = attempt({ ...asked, amountMinor: Number.MAX_SAFE_INTEGER })
    return tried.reason === 'insufficient_funds' ? { ...tried, reason: 'allowance_shortfall', missing } : tried
  }
  const posted = attempt(bears ? { ...asked, fee: undefined } : asked)
  return bears && posted.result !== 'failed' ? { ...posted, isFeeWaived: true } : posted
}

function postAs(book: Book, kind: PostingKind, asked: RequestedTransfer): Posted {
  const { step = 'post', amountMinor, currency } = asked
  const debit = accountOf(book, kind, asked.debit)
  const credit = accountOf(book, kind, asked.credit)
  const before = book.transfers.get(transferKey(kind, asked))
  const isSame =
    before?.debit === debit?.wallet && before?.credit === credit?.wallet && before?.amountMinor === amountMinor
  let result: Posted['result'] | undefined
  if (before !== undefined) result = isSame && before.currency === currency ? 'exists' : 'conflict'
  let reason = impossible(asked, debit, credit)
  const sides = withFee(kind, asked)
  if (result === undefined && reason === undefined) assertFee(book, kind, asked)

  const hold = book.holds.get(sourceKey(asked))
  const isHeldSo = hold !== undefined && hold.wallet === debit?.wallet && hold.amountMinor === sides.outMinor
  if (step === 'release') result = 'released'
  else if (step === 'hold' && result === undefined && hold !== undefined) result = isHeldSo ? 'exists' : 'conflict'
  const isOpen = hold !== undefined && hold.endedBy === null
  assertBook(step === 'hold' || !isOpen || isHeldSo, 'a hold is of the amount and account of its payment')
  const ends = isOpen && ((step === 'post' && result === undefined) || step === 'release')
  const endingMinor = ends ? hold.amountMinor : 0

  if (result === undefined && reason === undefined && debit !== undefined) {
    if (availableMinor(debit) < sides.outMinor - endingMinor) reason = 'insufficient_funds'
  }
  const goesOn = result === undefined && reason === undefined
  if (ends && debit !== undefined) {
    hold.endedBy = goesOn ? 'posted' : 'released'
    debit.heldMinor -= endingMinor
  }
  const ended = ends ? { hold: goesOn ? ('posted' as const) : ('released' as const) } : {}
  if (result !== undefined) {
    return { result, ...(result === 'exists' && step !== 'hold' && before && { transferId: before.id }), ...ended }
  }
  if (!goesOn || debit === undefined || credit === undefined) {
    return { result: 'failed', ...(reason !== undefined && { reason }), ...ended }
  }
  if (step === 'hold') {
    book.holds.set(sourceKey(asked), { wallet: debit.wallet, amountMinor: sides.outMinor, endedBy: null })
    debit.heldMinor += sides.outMinor
    return { result: 'held', hold: 'placed' }
  }
  const transferId = write(book, kind, asked, debit.wallet, credit.wallet, amountMinor)
  if (sides.fee !== undefined) {
    const { from, to, minor } = sides.fee
    write(book, kind === 'reversal' ? 'fee_reversal' : 'fee', asked, from, to, minor)
  }
  return { result: 'posted', transferId, ...ended }
}

/** To a payment a system account is unknown: a device could name the account without a floor as its payer. */
function accountOf({ accounts }: Book, kind: PostingKind, wallet: string): Account | undefined {
  const account = accounts.get(wallet)
  return kind === 'payment' && account?.kind === 'system' ? undefined : account
}

/** @returns why it cannot be posted, whatever the funds */
function impossible({ type, currency }: RequestedTransfer, debit?: Account, credit?: Account): string | undefined {
  if (debit === undefined || credit === undefined) return 'unknown_wallet'
  if (debit.currency !== currency || credit.currency !== currency) return 'currency_mismatch'
  if (debit.frozen || credit.frozen) return 'wallet_frozen'
  const fits = {
    p2p: true,
    merchant: credit.kind === 'merchant' || credit.kind === 'agent',
    cashin: debit.kind === 'agent',
    cashout: credit.kind === 'agent',
    agent: debit.kind === 'agent' || credit.kind === 'agent',
    refund: true,
  }
  return type === undefined || fits[type] ? undefined : 'wallet_kind_mismatch'
}

interface Sides {
  /** What the debited wallet needs. */
  readonly outMinor: number
  readonly fee?: { readonly from: string; readonly to: string; readonly minor: number }
}

/** Payer and payee change places in a reversal, and the fee comes back to whoever bore it. */
function withFee(kind: PostingKind, { debit, credit, amountMinor, fee }: RequestedTransfer): Sides {
  if (fee === undefined || fee.minor === 0) return { outMinor: amountMinor }
  const isReversal = kind === 'reversal'
  const isBorneByDebited = fee.bearer === (isReversal ? 'payee' : 'payer')
  const bearer = isBorneByDebited ? debit : credit
  const [from, to] = isReversal ? [fee.account, bearer] : [bearer, fee.account]
  const signed = isReversal ? -fee.minor : fee.minor
  return { outMinor: isBorneByDebited ? amountMinor + signed : amountMinor, fee: { from, to, minor: fee.minor } }
}

function assertFee({ accounts }: Book, kind: PostingKind, { fee, amountMinor }: RequestedTransfer): void {
  if (fee === undefined || fee.minor === 0) return
  // With a reversal it comes back, also when it is more than what refunds have left.
  const isPayable = fee.minor > 0 && (kind === 'reversal' || fee.bearer === 'payer' || fee.minor <= amountMinor)
  assertBook(isPayable && accounts.get(fee.account)?.kind === 'system', 'a fee can be posted')
}

/** @returns its id, a UUID */
function write(
  { accounts, transfers }: Book,
  kind: TransferKind,
  { sourceId, sourceNo, currency }: RequestedTransfer,
  debit: string,
  credit: string,
  amountMinor: number,
): string {
  const key = transferKey(kind, { sourceId, sourceNo })
  const [from, to] = [accounts.get(debit), accounts.get(credit)]
  assertBook(!transfers.has(key), `${key} is posted once`)
  assertBook(from !== undefined && to !== undefined && amountMinor > 0, `${key} moves money between two accounts`)
  const id = `00000000-0000-7000-8000-${(transfers.size + 1).toString(16).padStart(12, '0')}`
  transfers.set(key, { id, kind, sourceId, sourceNo, debit, credit, amountMinor, currency })
  from.balanceMinor -= amountMinor
  to.balanceMinor += amountMinor
  return id
}
