import { type FormEvent, useCallback } from 'react'
import { formatAmount, useAllowance } from '../../../ui/index.ts'
import { type PadKey, press } from '../amount.ts'
import { DisplayAmount } from '../display-amount.tsx'
import { useTill } from '../till-context.tsx'
import type { Draft, Shop } from './draft.ts'
import { Pad } from './pad.tsx'

interface AmountStepProps {
  readonly shop: Shop
  readonly draft: Draft
  readonly onChange: (change: (draft: Draft) => Draft) => void
  readonly onNext: () => void
}

export function AmountStep({ shop, draft, onChange, onNext }: AmountStepProps) {
  const { till } = useTill().words
  const allowance = useAllowance()
  const { currency, maxOfflineAmount } = shop.policy
  const amount = Number(draft.digits)
  const tooMuch = amount > maxOfflineAmount
  const ready = amount > 0 && !tooMuch
  const onPress = useCallback(
    (key: PadKey) => onChange((before) => ({ ...before, digits: press(before.digits, key) })),
    [onChange],
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (ready) onNext()
  }
  const today = allowance?.amountsByCurrency[currency]
  return (
    <form className="pos-amount-step" onSubmit={submit}>
      <h2 className="pos-hidden">{till.amount}</h2>
      <output data-empty={amount === 0 || undefined} aria-label={till.amount}>
        <DisplayAmount minor={amount} currency={currency} />
      </output>
      {tooMuch ? (
        <p className="pos-hint pos-wrong" role="alert">
          {till.tooMuch(formatAmount(maxOfflineAmount, currency))}
        </p>
      ) : (
        <p className="pos-hint">
          {allowance && today && till.leftToday(formatAmount(today.remaining, currency), allowance.count.remaining)}
        </p>
      )}
      <Pad onPress={onPress} />
      <button type="submit" className="molam-button molam-primary" aria-disabled={!ready}>
        {till.next}
      </button>
    </form>
  )
}
