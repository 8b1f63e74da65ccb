import { type FormEvent, useState } from 'react'
import type { OfflineError, OfflinePayment } from '../../../sdk/index.ts'
import { formatAmount, OfflineErrorNotice } from '../../../ui/index.ts'
import { Field } from '../field.tsx'
import { useTill } from '../till-context.tsx'
import { type Draft, needs, type Problem, type Shop } from './draft.ts'
import { Proofs } from './proofs.tsx'
import { useSettled } from './settled.ts'

export interface PayerStepProps {
  readonly shop: Shop
  readonly draft: Draft
  readonly problem: Problem | undefined
  /** A payment like this one, a moment ago. */
  readonly before: OfflinePayment | undefined
  readonly taking: boolean
  readonly error: OfflineError | undefined
  readonly onChange: (change: (draft: Draft) => Draft) => void
  readonly onBack: () => void
  readonly onTake: () => void
}

/**
 * Who pays, and what the rules ask for above the limits. Escape goes back, Enter takes the payment: a press of its own, not
 * what is left of the one that led here.
 */
export function PayerStep(props: PayerStepProps) {
  const { shop, draft, problem, before, taking, error, onChange, onBack, onTake } = props
  const { payer: words, back, till } = useTill().words
  const [tried, setTried] = useState(false)
  const settled = useSettled()
  const { currency, allowedMethods, requireManualReviewAbove } = shop.policy
  const amount = Number(draft.digits)
  const money = (minor: number) => formatAmount(minor, currency)
  const set = (change: Partial<Draft>) => onChange((now) => ({ ...now, another: false, ...change }))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!settled) return
    setTried(true)
    if (problem === undefined && !taking) onTake()
  }
  return (
    <form
      className="pos-payer-step"
      data-settled={settled}
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !taking) onBack()
        // Held down, it submits the form again and again.
        if (event.key === 'Enter' && event.repeat) event.preventDefault()
      }}
    >
      <button type="button" className="pos-back" onClick={onBack} aria-disabled={taking}>
        <span aria-hidden="true">‹</span> {back}
      </button>
      <output className="pos-display" aria-label={till.amount}>
        {money(amount)}
      </output>
      <h2>{words.title}</h2>
      <Field
        label={words.wallet}
        hint={words.walletHint}
        value={draft.payer}
        onChange={(payer) => set({ payer })}
        wrong={tried ? wrongPayer(problem, words) : undefined}
        scan={{ wanted: 'account', hint: words.scanning }}
        autoFocus
      />
      {allowedMethods.length > 1 && (
        <fieldset className="pos-choice">
          <legend>{words.method}</legend>
          {allowedMethods.map((method) => (
            <label key={method}>
              <input type="radio" name="method" checked={draft.method === method} onChange={() => set({ method })} />
              <span>{words.methods[method]}</span>
            </label>
          ))}
        </fieldset>
      )}
      <Proofs
        needed={needs(draft, shop)}
        policy={shop.policy}
        draft={draft}
        tried={tried}
        problem={problem}
        set={set}
      />
      {amount > requireManualReviewAbove && (
        <p className="pos-note">{words.reviewed(money(requireManualReviewAbove))}</p>
      )}
      {before && (
        <label className="pos-again">
          <input type="checkbox" checked={draft.another} onChange={(event) => set({ another: event.target.checked })} />
          <span>
            {words.again(money(amount), Math.max(0, Math.round((Date.now() - before.initiatedAtMs) / 1000)))}{' '}
            <strong>{words.againYes}</strong>
          </span>
        </label>
      )}
      {error && <OfflineErrorNotice error={error} amount={amount} />}
      <TakeButton amount={money(amount)} ready={settled && problem === undefined} taking={taking} />
    </form>
  )
}

function wrongPayer(problem: Problem | undefined, words: ReturnType<typeof useTill>['words']['payer']) {
  if (problem === 'payer') return words.walletWrong
  return problem === 'own_wallet' ? words.walletOwn : undefined
}

function TakeButton({ amount, ready, taking }: { amount: string; ready: boolean; taking: boolean }) {
  const { till } = useTill().words
  return (
    <button
      type="submit"
      className="molam-button molam-primary pos-big"
      aria-disabled={!ready || taking}
      aria-busy={taking}
    >
      {taking ? till.taking : till.take(amount)}
    </button>
  )
}
