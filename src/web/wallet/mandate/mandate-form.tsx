import { type FormEvent, useState } from 'react'
import type { MandateTerms, Policy } from '../../../device/sdk/index.ts'
import { formatAmount } from '../../../ui/index.ts'
import { Choice } from '../../shared/choices.tsx'
import { useWallet } from '../wallet-context.tsx'
import { amountsUpTo, DAYS } from './amounts.ts'

const DAY_MS = 86_400_000

interface MandateFormProps {
  readonly policy: Policy
  readonly nowMs: number
  readonly onAsk: (terms: MandateTerms) => void
}

/** How much a payment, how much a day, and for how long: each one of a few, within what the country allows. */
export function MandateForm({ policy, nowMs, onAsk }: MandateFormProps) {
  const { mandate } = useWallet().words
  const { currency, mandatePaymentMax, mandateDayMax } = policy
  const payments = amountsUpTo(mandatePaymentMax)
  const [paymentMax, setPaymentMax] = useState(payments[0] ?? 0)
  // A day has room for one payment at the least.
  const days = amountsUpTo(mandateDayMax).filter((amount) => amount >= paymentMax)
  const [wantedDay, setWantedDay] = useState(0)
  const dayMax = days.includes(wantedDay) ? wantedDay : (days[0] ?? 0)
  const [validDays, setValidDays] = useState<(typeof DAYS)[number]>(DAYS[0])
  const option = (amount: number) => [String(amount), formatAmount(amount, currency)] as const
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onAsk({ paymentMax, dayMax, untilMs: nowMs + validDays * DAY_MS })
  }
  return (
    <form className="app-form" onSubmit={submit}>
      <Choice
        legend={mandate.perPayment}
        value={String(paymentMax)}
        options={payments.map(option)}
        onChoose={(amount) => setPaymentMax(Number(amount))}
      />
      <Choice
        legend={mandate.perDay}
        value={String(dayMax)}
        options={days.map(option)}
        onChoose={(amount) => setWantedDay(Number(amount))}
      />
      <Choice
        legend={mandate.howLong}
        value={String(validDays)}
        options={DAYS.map((days) => [String(days), mandate.lasts[days]] as const)}
        onChoose={(days) => setValidDays(DAYS.find((known) => String(known) === days) ?? DAYS[0])}
      />
      <button type="submit" className="molam-button molam-primary">
        {mandate.give}
      </button>
      <button
        type="button"
        className="molam-button"
        onClick={() => onAsk({ paymentMax: 0, dayMax: 0, untilMs: nowMs + DAY_MS })}
      >
        {mandate.end}
      </button>
    </form>
  )
}
