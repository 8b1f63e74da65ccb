import { type FormEvent, useCallback } from 'react'
import { formatAmount } from '../../../ui/index.ts'
import type { PadKey } from '../amount.ts'
import { DisplayAmount } from '../display-amount.tsx'
import { useTill } from '../till-context.tsx'
import { type Draft, keyed } from './draft.ts'
import { Pad } from './pad.tsx'
import { excess, type Standing, unreadiness } from './readiness.ts'

interface AmountStepProps {
  readonly standing: Standing
  readonly draft: Draft
  readonly onChange: (change: (draft: Draft) => Draft) => void
  readonly onNext: () => void
}

export function AmountStep({ standing, draft, onChange, onNext }: AmountStepProps) {
  const { till } = useTill().words
  const { allowance } = standing
  const { currency, maxAmount } = allowance
  const amount = Number(draft.digits)
  const ready =
    amount > 0 &&
    draft.foreign === undefined &&
    unreadiness(standing) === undefined &&
    excess(amount, allowance) === undefined
  const onPress = useCallback(
    (key: PadKey) => onChange((before) => keyed(before, key, maxAmount)),
    [onChange, maxAmount],
  )
  const onForeign = useCallback((foreign: string) => onChange((before) => ({ ...before, foreign })), [onChange])
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (ready) onNext()
  }
  return (
    <form className="pos-amount-step" onSubmit={submit}>
      <h2 className="pos-hidden">{till.amount}</h2>
      <output data-empty={amount === 0 || undefined} aria-label={till.amount}>
        <DisplayAmount minor={amount} currency={currency} />
      </output>
      <Hint standing={standing} amount={amount} foreign={draft.foreign} />
      <Pad onPress={onPress} onForeign={onForeign} />
      <button type="submit" className="molam-button molam-primary" aria-disabled={!ready}>
        {till.next}
      </button>
    </form>
  )
}

interface HintProps {
  readonly standing: Standing
  readonly amount: number
  readonly foreign: string | undefined
}

/** What may still be taken today, or why this, or anything, may not. */
function Hint({ standing, amount, foreign }: HintProps) {
  const { till } = useTill().words
  const { allowance } = standing
  const { currency, maxAmount, count } = allowance
  const money = (minor: number) => formatAmount(minor, currency)
  const unready = unreadiness(standing)
  const above = excess(amount, allowance)
  const left = allowance.amountsByCurrency[currency]?.remaining ?? 0
  if (unready === undefined && foreign !== undefined) {
    return (
      <p className="pos-hint pos-wrong" role="alert">
        {till.foreignKey(foreign)}
      </p>
    )
  }
  if (unready === undefined && above === undefined) {
    return <p className="pos-hint">{till.leftToday(money(left), count.remaining)}</p>
  }
  return (
    <p className="pos-hint pos-wrong" role="alert">
      {unready
        ? till.unready[unready]
        : above === 'payment'
          ? till.tooMuch(money(maxAmount))
          : above === 'unsynced'
            ? till.tooMuchUnsynced(money(allowance.unsynced.remaining))
            : till.tooMuchToday(money(left))}
    </p>
  )
}
