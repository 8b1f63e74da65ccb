import { useEffect, useRef } from 'react'
import type { AskedOfPayer, OfflineError } from '../../../device/sdk/index.ts'
import { formatAmount, formatParty, OfflineErrorNotice } from '../../../ui/index.ts'
import { DisplayAmount } from '../../shared/display-amount.tsx'
import { GiveUp } from '../../shared/give-up.tsx'
import { usePressable } from '../../shared/pressable.ts'
import { useWallet } from '../wallet-context.tsx'
import { StepBack } from './step-back.tsx'

interface ConfirmProps {
  readonly terms: Pick<AskedOfPayer, 'type' | 'amount' | 'currency' | 'receiver'>
  readonly paying: boolean
  /** The till, or the other phone, that asks, if one does. */
  readonly taker?: string
  /** The phone's lock was asked for, and nobody opened it. */
  readonly unproven: boolean
  readonly error: OfflineError | undefined
  readonly onBack: () => void
  readonly onPay: () => void
  readonly onGiveUp?: () => void
}

/**
 * How much, to whom and what for, as large as they fit, before anything is signed. Nothing but a press of its own pays: neither the
 * second tap of a double tap, nor a key that is still held down.
 */
export function Confirm(props: ConfirmProps) {
  const { terms, taker, paying, unproven, error, onBack, onPay, onGiveUp } = props
  const { confirm } = useWallet().words
  const { amount, currency, receiver, type } = terms
  const pressable = usePressable()
  const heading = useRef<HTMLHeadingElement>(null)
  useEffect(() => heading.current?.focus(), [])
  // What stands already is not paid again: its error says where it is.
  const over = error !== undefined && error.money !== 'not_taken'
  const ready = pressable && !paying && !over
  return (
    <div className="app-stack wallet-confirm" data-pressable={pressable}>
      <StepBack onBack={onBack} busy={paying} />
      <h2 ref={heading} tabIndex={-1}>
        {confirm.title}
      </h2>
      <p className="wallet-amount">
        <DisplayAmount minor={amount} currency={currency} />
      </p>
      <dl className="wallet-terms">
        <div>
          <dt>{confirm.to}</dt>
          <dd>{formatParty(receiver)}</dd>
        </div>
        <div>
          <dt>{confirm.what}</dt>
          <dd>{confirm.types[type]}</dd>
        </div>
        {taker !== undefined && (
          <div>
            <dt>{confirm.taker[type === 'p2p' ? 'phone' : 'till']}</dt>
            <dd>{taker}</dd>
          </div>
        )}
      </dl>
      {unproven && (
        <p className="app-wrong" role="alert">
          {confirm.unproven}
        </p>
      )}
      {error && <OfflineErrorNotice error={error} amount={amount} />}
      {paying && onGiveUp && <GiveUp onGiveUp={onGiveUp} />}
      <button
        type="button"
        className="molam-button molam-primary"
        aria-disabled={!ready}
        aria-busy={paying}
        onKeyDown={(event) => event.repeat && event.preventDefault()}
        onClick={() => ready && onPay()}
      >
        {paying ? confirm.paying : confirm.pay(formatAmount(amount, currency))}
      </button>
    </div>
  )
}
