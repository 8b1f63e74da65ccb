import { useEffect, useId, useRef, useState } from 'react'
import { OfflineError, type OfflinePayment, type Refund } from '../../../device/sdk/index.ts'
import { formatAmount, formatParty, OfflineErrorNotice } from '../../../ui/index.ts'
import { DisplayAmount } from '../../shared/display-amount.tsx'
import { Field } from '../../shared/field.tsx'
import { Sure } from '../../shared/sure.tsx'
import { hrefOf } from '../route.ts'
import { useTill } from '../till-context.tsx'

type Step =
  | { readonly at: 'closed' | 'amount' | 'sure' | 'sending' }
  | { readonly at: 'done'; readonly refund: Refund }
  | { readonly at: 'failed'; readonly error: OfflineError }

/**
 * Gives a payment back, whole or in part: how much, then who gets how much and once more whether, then what came of it. No single
 * tap, and no double one, gives anything back; Escape and "back" leave it as it was.
 */
export function GiveBack({ payment }: { readonly payment: OfflinePayment }) {
  const { sdk, words } = useTill()
  const { refund } = words
  const { localId, currency, sender, refunded, refundOfLocalId } = payment
  const [step, setStep] = useState<Step>({ at: 'closed' })
  const [amount, setAmount] = useState('')
  const opener = useRef<HTMLButtonElement>(null)
  const wasOpen = useRef(false)
  const section = useRef<HTMLElement>(null)
  useEffect(() => {
    if (step.at === 'closed' && wasOpen.current) opener.current?.focus()
    wasOpen.current = step.at !== 'closed'
    // Below the receipt, where the navigation would hide it.
    if (step.at !== 'closed') section.current?.scrollIntoView({ block: 'nearest' })
  }, [step])
  const send = async () => {
    setStep({ at: 'sending' })
    try {
      setStep({ at: 'done', refund: await sdk.refund(localId, { amount: Number(amount) }) })
    } catch (error) {
      if (!(error instanceof OfflineError)) throw error
      setStep({ at: 'failed', error })
    }
  }
  if (refundOfLocalId !== undefined) {
    return (
      <a className="molam-button" href={hrefOf({ screen: 'receipt', localId: refundOfLocalId })}>
        {refund.of(refundOfLocalId)}
      </a>
    )
  }
  const close = () => setStep({ at: 'closed' })
  return (
    <section className="pos-refund" aria-label={refund.title} ref={section}>
      {refunded > 0 && <p className="app-note">{refund.already(formatAmount(refunded, currency))}</p>}
      {step.at === 'failed' && <OfflineErrorNotice error={step.error} amount={Number(amount)} />}
      {step.at === 'done' && <Done refund={step.refund} />}
      {(step.at === 'closed' || step.at === 'done' || step.at === 'failed') && canBeGivenBack(payment) && (
        <button
          type="button"
          className="molam-button"
          ref={opener}
          onClick={() => {
            setAmount(String(payment.refundable))
            setStep({ at: 'amount' })
          }}
        >
          {refund.open}
        </button>
      )}
      {step.at === 'amount' && (
        <AmountForm
          payment={payment}
          amount={amount}
          onChange={setAmount}
          onBack={close}
          onNext={() => setStep({ at: 'sure' })}
        />
      )}
      {step.at === 'sure' && (
        <div className="pos-refund-sure">
          <p>
            <DisplayAmount minor={Number(amount)} currency={currency} />
            <strong>{refund.to(formatParty(sender))}</strong>
          </p>
          <Sure
            question={refund.sure(formatAmount(Number(amount), currency))}
            onBack={close}
            onSure={() => void send()}
          />
        </div>
      )}
      {step.at === 'sending' && <p role="status">{refund.sending}</p>}
    </section>
  )
}

/** What its payer has not signed is not paid yet: it is voided above, or waits. */
const canBeGivenBack = ({ refundable, status, expected }: OfflinePayment): boolean =>
  refundable > 0 && (status !== 'pending_offline' || expected.decision === 'accepted')

interface AmountFormProps {
  readonly payment: OfflinePayment
  readonly amount: string
  readonly onChange: (amount: string) => void
  readonly onBack: () => void
  readonly onNext: () => void
}

function AmountForm({ payment, amount, onChange, onBack, onNext }: AmountFormProps) {
  const { refund, back, amount: pad } = useTill().words
  const [tried, setTried] = useState(false)
  const id = useId()
  const left = formatAmount(payment.refundable, payment.currency)
  const isRight = /^[1-9][0-9]*$/.test(amount) && Number(amount) <= payment.refundable
  return (
    <form
      className="pos-refund-amount"
      aria-labelledby={id}
      onSubmit={(event) => {
        event.preventDefault()
        if (isRight) onNext()
        else setTried(true)
      }}
      onKeyDown={(event) => {
        if (event.key === 'Escape') onBack()
        // Held down, it would press on through the next step.
        if (event.key === 'Enter' && event.repeat) event.preventDefault()
      }}
    >
      <h3 id={id}>{refund.title}</h3>
      <Field
        label={refund.amount}
        hint={refund.left(left)}
        value={amount}
        onChange={(typed) => onChange(typed.replaceAll(/\D/g, ''))}
        wrong={tried && !isRight ? refund.wrong(left) : undefined}
        autoFocus
      />
      <button type="button" className="molam-button" onClick={onBack}>
        {back}
      </button>
      <button type="submit" className="molam-button molam-primary" aria-disabled={!isRight}>
        {pad.next}
      </button>
    </form>
  )
}

function Done({ refund: { kind, payment } }: { readonly refund: Refund }) {
  const { refund } = useTill().words
  const said = useRef<HTMLParagraphElement>(null)
  useEffect(() => said.current?.focus(), [])
  return (
    <>
      <p role="status" tabIndex={-1} ref={said}>
        {kind === 'voided' ? refund.voided : refund.taken(formatAmount(payment.amount, payment.currency))}
      </p>
      {kind === 'taken' && (
        <a className="molam-button" href={hrefOf({ screen: 'receipt', localId: payment.localId })}>
          {refund.show}
        </a>
      )}
    </>
  )
}
