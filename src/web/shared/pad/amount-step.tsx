import { type FormEvent, useCallback } from 'react'
import { formatAmount } from '../../../ui/index.ts'
import { useApp } from '../app-context.tsx'
import { DisplayAmount } from '../display-amount.tsx'
import { type Keyed, keyed, type PadKey } from './amount.ts'
import { Pad } from './pad.tsx'
import { excess, type Standing, unreadiness } from './readiness.ts'

interface AmountStepProps<Draft extends Keyed> {
  readonly standing: Standing
  readonly draft: Draft
  readonly onChange: (change: (draft: Draft) => Draft) => void
  readonly onNext: () => void
}

/** How much: keyed in, and within what the rules allow. */
export function AmountStep<Draft extends Keyed>(props: AmountStepProps<Draft>) {
  const { standing, draft, onChange, onNext } = props
  const { amount: words } = useApp().words
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
    <form className="app-amount-step" onSubmit={submit}>
      <h2 className="app-hidden">{words.title}</h2>
      <output data-empty={amount === 0 || undefined} aria-label={words.title}>
        <DisplayAmount minor={amount} currency={currency} />
      </output>
      <Hint standing={standing} amount={amount} foreign={draft.foreign} />
      <Pad onPress={onPress} onForeign={onForeign} />
      <button type="submit" className="molam-button molam-primary" aria-disabled={!ready}>
        {words.next}
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
  const { amount: words } = useApp().words
  const { allowance } = standing
  const { currency, maxAmount, count } = allowance
  const money = (minor: number) => formatAmount(minor, currency)
  const unready = unreadiness(standing)
  const above = excess(amount, allowance)
  const left = allowance.amountsByCurrency[currency]?.remaining ?? 0
  if (unready === undefined && foreign !== undefined) {
    return (
      <p className="app-hint app-wrong" role="alert">
        {words.foreignKey(foreign)}
      </p>
    )
  }
  if (unready === undefined && above === undefined) {
    return <p className="app-hint">{words.leftToday(money(left), count.remaining)}</p>
  }
  return (
    <p className="app-hint app-wrong" role="alert">
      {unready
        ? words.unready[unready]
        : above === 'payment'
          ? words.tooMuch(money(maxAmount))
          : above === 'unsynced'
            ? words.tooMuchUnsynced(money(allowance.unsynced.remaining))
            : words.tooMuchToday(money(left))}
    </p>
  )
}
