import { useCallback, useState } from 'react'
import { usePayments, useProfile, useTakePayment } from '../../../ui/index.ts'
import { FirstContact } from '../../shared/first-contact.tsx'
import { AmountStep } from '../../shared/pad/amount-step.tsx'
import { useStanding } from '../../shared/pad/use-standing.ts'
import { useTill } from '../till-context.tsx'
import { EMPTY, paymentLike, problemsOf, withProofs } from './draft.ts'
import { PayerStep } from './payer-step.tsx'
import { Result } from './result.tsx'
import { useApprovalRequest } from './use-approval-request.ts'

/** Takes payments: how much, from whom, and what came of it. */
export function Till() {
  const { sdk } = useTill()
  const shop = useProfile()
  const standing = useStanding()
  const payments = usePayments()
  const [draft, setDraft] = useState(EMPTY)
  const [step, setStep] = useState<'amount' | 'payer'>('amount')
  const { state, take, giveUp, reset } = useTakePayment()
  const request = useApprovalRequest(draft, shop)
  const next = useCallback(() => {
    reset()
    setDraft(EMPTY)
    setStep('amount')
  }, [reset])

  if (shop === undefined || standing === undefined) return <FirstContact />
  if (state.status === 'taken') return <Result payment={state.payment} onNext={next} />
  if (step === 'amount') {
    return <AmountStep standing={standing} draft={draft} onChange={setDraft} onNext={() => setStep('payer')} />
  }
  const before = paymentLike(draft, shop, payments, sdk.nowMs)
  const back = () => {
    reset()
    setStep('amount')
  }
  return (
    <PayerStep
      shop={shop}
      draft={draft}
      problems={problemsOf(draft, shop, before, request)}
      request={request}
      before={before}
      taking={state.status === 'taking'}
      error={state.status === 'refused' ? state.error : undefined}
      onChange={setDraft}
      onBack={back}
      onTake={() => void take(withProofs(draft, shop, request))}
      onGiveUp={giveUp}
    />
  )
}
