import { type FormEvent, useState } from 'react'
import type { Policy } from '../../../device/sdk/index.ts'
import { formatAmount } from '../../../ui/index.ts'
import { Choice } from '../../shared/choices.tsx'
import { amountsUpTo } from '../mandate/amounts.ts'
import { useWallet } from '../wallet-context.tsx'

const ROUND = [2_000, 5_000, 10_000, 20_000, 30_000]

interface AsideFormProps {
  readonly policy: Policy
  readonly onAsk: (amount: number) => void
}

/** How much: one of a few round sums, within what the country allows. */
export function AsideForm({ policy, onAsk }: AsideFormProps) {
  const { aside } = useWallet().words
  const amounts = amountsUpTo(policy.allowanceMax, ROUND)
  const [amount, setAmount] = useState(amounts[0] ?? 0)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    onAsk(amount)
  }
  return (
    <form className="app-form" onSubmit={submit}>
      <Choice
        legend={aside.how}
        value={String(amount)}
        options={amounts.map((one) => [String(one), formatAmount(one, policy.currency)] as const)}
        onChoose={(one) => setAmount(Number(one))}
      />
      <button type="submit" className="molam-button molam-primary">
        {aside.ask}
      </button>
    </form>
  )
}
