import { type FormEvent, useState } from 'react'
import type { AgentApproval, OfflineError, Profile } from '../../../device/sdk/index.ts'
import { formatAmount, formatParty, OfflineErrorNotice } from '../../../ui/index.ts'
import { DisplayAmount } from '../../shared/display-amount.tsx'
import { GiveUp } from '../../shared/give-up.tsx'
import { usePressable } from '../../shared/pressable.ts'
import { readApproval } from '../approval.ts'
import { useTill } from '../till-context.tsx'
import { Approval } from './approval.tsx'
import { TakeButton } from './take-button.tsx'
import type { Agreed } from './use-exchange.ts'

interface AgentStepProps {
  readonly shop: Profile
  readonly agreed: Agreed
  readonly taking: boolean
  readonly error: OfflineError | undefined
  readonly onTake: (approval: AgentApproval) => void
  readonly onBack: () => void
  readonly onGiveUp: () => void
}

/** The customer has signed; so large a payment an agent approves as well, who sees who pays. Nothing is taken without both. */
export function AgentStep({ shop, agreed, taking, error, onTake, onBack, onGiveUp }: AgentStepProps) {
  const { payer, back, ask } = useTill().words
  const [text, setText] = useState('')
  const [tried, setTried] = useState(false)
  const pressable = usePressable()
  const { terms, request } = agreed
  const { currency, requireAgentApprovalAbove } = shop.policy
  const money = (minor: number) => formatAmount(minor, currency)
  const approval = readApproval(text, request)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (!pressable) return
    setTried(true)
    if (approval !== undefined && !taking) onTake(approval)
  }
  const isEmpty = text.trim() === ''
  const missing = tried && isEmpty ? payer.approvalMissing : undefined
  return (
    <form
      className="pos-payer-step"
      data-pressable={pressable}
      onSubmit={submit}
      onKeyDown={(event) => {
        if (event.key === 'Escape' && !taking) onBack()
        if (event.key === 'Enter' && event.repeat) event.preventDefault()
      }}
    >
      <button type="button" className="app-back" onClick={onBack} aria-disabled={taking}>
        <span aria-hidden="true">‹</span> {back}
      </button>
      <p>
        <DisplayAmount minor={terms.amount} currency={currency} />
      </p>
      <h2>{ask.agent}</h2>
      <p className="app-means">{ask.signedBy(formatParty(terms.sender))}</p>
      <Approval
        above={money(requireAgentApprovalAbove)}
        request={request}
        value={text}
        onChange={setText}
        wrong={!isEmpty && approval === undefined ? payer.approvalWrong : missing}
      />
      {error && <OfflineErrorNotice error={error} amount={terms.amount} />}
      {taking && <GiveUp onGiveUp={onGiveUp} />}
      <TakeButton amount={money(terms.amount)} ready={pressable && approval !== undefined} taking={taking} />
    </form>
  )
}
