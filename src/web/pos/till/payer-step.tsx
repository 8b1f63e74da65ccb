import { type FormEvent, useEffect, useRef, useState } from 'react'
import type { OfflineError, OfflinePayment, Profile } from '../../../device/sdk/index.ts'
import { useTimeFormat } from '../../../ui/hooks.ts'
import { formatAmount, formatParty, OfflineErrorNotice } from '../../../ui/index.ts'
import { DisplayAmount } from '../../shared/display-amount.tsx'
import { Field } from '../../shared/field.tsx'
import { GiveUp } from '../../shared/give-up.tsx'
import { usePressable } from '../../shared/pressable.ts'
import { useTill } from '../till-context.tsx'
import type { Messages } from '../words/messages.ts'
import { type Draft, methodOf, needs, type Problem, payerOf, payerProblem } from './draft.ts'
import { Proofs } from './proofs.tsx'
import { TakeButton } from './take-button.tsx'

export interface PayerStepProps {
  readonly shop: Profile
  readonly draft: Draft
  readonly problems: ReadonlySet<Problem>
  /** What an agent is shown, who must approve it. */
  readonly request: Uint8Array | undefined
  /** A payment like this one, a moment ago. */
  readonly before: OfflinePayment | undefined
  readonly taking: boolean
  readonly error: OfflineError | undefined
  readonly onChange: (change: (draft: Draft) => Draft) => void
  readonly onBack: () => void
  readonly onTake: () => void
  readonly onGiveUp: () => void
}

/**
 * Who pays, and what the rules ask for above the limits. Escape goes back, Enter takes the payment: a press of its own, not
 * what is left of the one that led here.
 */
export function PayerStep(props: PayerStepProps) {
  const { shop, draft, problems, request, before, taking, error, onChange, onBack, onTake, onGiveUp } = props
  const { payer: words, back, methods, amount: amountWords, account } = useTill().words
  const [tries, setTries] = useState(0)
  const form = useRef<HTMLFormElement>(null)
  const pressable = usePressable()
  const { currency, allowedMethods, requireManualReviewAbove } = shop.policy
  const amount = Number(draft.digits)
  const money = (minor: number) => formatAmount(minor, currency)
  const set = (change: Partial<Draft>) => onChange((now) => ({ ...now, another: false, ...change }))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!pressable) return
    setTries(tries + 1)
    if (problems.size === 0 && !taking) onTake()
  }
  // A press that took nothing leads to what is wrong.
  useEffect(() => {
    if (tries > 0) form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus()
  }, [tries])
  const shown = tries > 0 ? problems : NONE
  return (
    <form
      className="pos-payer-step"
      ref={form}
      data-pressable={pressable}
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !taking) onBack()
        // Held down, it submits the form again and again.
        if (event.key === 'Enter' && event.repeat) event.preventDefault()
      }}
    >
      <button type="button" className="app-back" onClick={onBack} aria-disabled={taking}>
        <span aria-hidden="true">‹</span> {back}
      </button>
      <output aria-label={amountWords.title}>
        <DisplayAmount minor={amount} currency={currency} />
      </output>
      <h2>{words.title}</h2>
      <Field
        label={words.wallet}
        hint={words.walletHint}
        value={draft.payer}
        onChange={(payer) => set({ payer })}
        wrong={wrongPayer(draft, shop, tries > 0, words, account)}
        means={meansPayer(draft, shop, account)}
        scan={{ wanted: 'account', hint: words.scanning }}
        autoFocus
      />
      {allowedMethods.length > 1 && (
        <fieldset className="app-choice">
          <legend>{words.method}</legend>
          {allowedMethods.map((method) => (
            <label key={method}>
              <input
                type="radio"
                name="method"
                checked={methodOf(draft, shop.policy) === method}
                onChange={() => set({ method })}
              />
              <span>{methods[method]}</span>
            </label>
          ))}
        </fieldset>
      )}
      <Proofs
        needed={needs(draft, shop)}
        policy={shop.policy}
        draft={draft}
        request={request}
        shown={shown}
        problems={problems}
        set={set}
      />
      {amount > requireManualReviewAbove && (
        <p className="app-note">{words.reviewed(money(requireManualReviewAbove))}</p>
      )}
      {before && (
        <Again
          before={before}
          another={draft.another}
          wrong={shown.has('again')}
          onChange={(another) => set({ another })}
        />
      )}
      {error && <OfflineErrorNotice error={error} amount={amount} />}
      {taking && <GiveUp onGiveUp={onGiveUp} />}
      <TakeButton amount={money(amount)} ready={pressable && problems.size === 0} taking={taking} />
    </form>
  )
}

const NONE: ReadonlySet<Problem> = new Set()

/** A code that is none of Molam's is refused as soon as it is there; what is still being typed, only when it is to be taken. */
function wrongPayer(
  draft: Draft,
  shop: Profile,
  tried: boolean,
  words: Messages['payer'],
  account: Messages['account'],
): string | undefined {
  const problem = payerProblem(draft, shop)
  if (problem === undefined || (!tried && problem !== 'link')) return undefined
  if (problem === 'no_payer') return words.walletMissing
  return problem === 'own_wallet' ? words.walletOwn : account.faults[problem]
}

/** The number as it was understood, for the customer to agree to. */
function meansPayer(draft: Draft, shop: Profile, words: Messages['account']): string | undefined {
  const payer = payerOf(draft, shop)
  return payer.ok && payer.value.startsWith('+') ? words.means(formatParty(payer.value)) : undefined
}

interface AgainProps {
  readonly before: OfflinePayment
  readonly another: boolean
  readonly wrong: boolean
  readonly onChange: (another: boolean) => void
}

/** Two payments that look like one: only a person can tell. */
function Again({ before, another, wrong, onChange }: AgainProps) {
  const { payer: words } = useTill().words
  const format = useTimeFormat()
  const [first, second] = [formatAmount(before.amount, before.currency), format(before.initiatedAtMs, 'time')]
  return (
    <>
      <label className="pos-again">
        <input
          type="checkbox"
          checked={another}
          aria-invalid={wrong}
          onChange={(event) => onChange(event.target.checked)}
        />
        <span>
          {words.again(first, second)} <strong>{words.againYes}</strong>
        </span>
      </label>
      {wrong && (
        <p className="app-note app-wrong" role="alert">
          {words.againMissing}
        </p>
      )}
    </>
  )
}
