import { useCallback, useState } from 'react'
import { usePayments, useProfile, useTakePayment } from '../../../ui/index.ts'
import { FirstContact } from '../../shared/first-contact.tsx'
import { AmountStep } from '../../shared/pad/amount-step.tsx'
import { useStanding } from '../../shared/pad/use-standing.ts'
import { useTill } from '../till-context.tsx'
import { AgentStep } from './agent-step.tsx'
import { AskStep } from './ask-step.tsx'
import { EMPTY, needs, paymentLike, problemsOf, withProofs } from './draft.ts'
import { PayerStep } from './payer-step.tsx'
import { Result } from './result.tsx'
import { useApprovalRequest } from './use-approval-request.ts'
import { useExchange } from './use-exchange.ts'

/**
 * Takes payments: how much, the customer's word for it, above a limit an agent's, and what came of it. A customer without a phone names
 * an account, and is asked afterwards.
 */
export function Till() {
  const { sdk } = useTill()
  const shop = useProfile()
  const standing = useStanding()
  const payments = usePayments()
  const [draft, setDraft] = useState(EMPTY)
  const [step, setStep] = useState<'amount' | 'ask' | 'payer'>('amount')
  const { state, take, accept, giveUp, reset } = useTakePayment()
  const { request, agreed, trouble, ask, scanned, end } = useExchange(shop, accept)
  const approvalRequest = useApprovalRequest(draft, shop)
  const leave = useCallback(
    (to: 'amount' | 'ask') => {
      reset()
      if (to === 'amount') end()
      setStep(to)
    },
    [reset, end],
  )
  const next = useCallback(() => {
    setDraft(EMPTY)
    leave('amount')
  }, [leave])
  const back = useCallback(() => leave('amount'), [leave])

  if (shop === undefined || standing === undefined) return <FirstContact />
  if (state.status === 'taken') return <Result payment={state.payment} onNext={next} />
  const amount = Number(draft.digits)
  const askFor = () => {
    reset()
    setStep('ask')
    void ask(amount)
  }
  if (step === 'amount') return <AmountStep standing={standing} draft={draft} onChange={setDraft} onNext={askFor} />
  const [taking, error] = [state.status === 'taking', state.status === 'refused' ? state.error : undefined]
  if (step === 'ask' && agreed !== undefined) {
    const onTake = (approval: Parameters<typeof accept>[1]) => void accept(agreed.answer, approval)
    return <AgentStep {...{ shop, agreed, taking, error, onTake, onGiveUp: giveUp }} onBack={askFor} />
  }
  if (step === 'ask') {
    return (
      <AskStep
        {...{ shop, amount, request, trouble, error, taking, onGiveUp: giveUp }}
        onAgain={askFor}
        onScanned={(text) => void scanned(text)}
        onNoPhone={needs(draft, shop).phone ? undefined : () => setStep('payer')}
        onBack={back}
      />
    )
  }
  const before = paymentLike(draft, shop, payments, sdk.nowMs)
  return (
    <PayerStep
      {...{ shop, draft, before, taking, error, request: approvalRequest, onGiveUp: giveUp, onChange: setDraft }}
      problems={problemsOf(draft, shop, before, approvalRequest)}
      onBack={() => leave('ask')}
      onTake={() => void take(withProofs(draft, shop, approvalRequest))}
    />
  )
}
