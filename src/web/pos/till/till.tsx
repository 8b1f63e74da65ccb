import { useCallback, useState } from 'react'
import { OfflineErrorNotice, useOffline, usePayments, useSync, useTakePayment } from '../../../ui/index.ts'
import { useShop, useTill } from '../till-context.tsx'
import { AmountStep } from './amount-step.tsx'
import { EMPTY, paymentLike, problemOf, withProofs } from './draft.ts'
import { PayerStep } from './payer-step.tsx'
import { Result } from './result.tsx'

/** Takes payments: how much, from whom, and what came of it. */
export function Till() {
  const shop = useShop()
  const payments = usePayments()
  const [draft, setDraft] = useState(EMPTY)
  const [step, setStep] = useState<'amount' | 'payer'>('amount')
  const { state, take, reset } = useTakePayment()
  const next = useCallback(() => {
    reset()
    setDraft(EMPTY)
    setStep('amount')
  }, [reset])

  if (shop === undefined) return <FirstContact />
  if (state.status === 'taken') return <Result payment={state.payment} onNext={next} />
  if (step === 'amount') {
    return <AmountStep shop={shop} draft={draft} onChange={setDraft} onNext={() => setStep('payer')} />
  }
  const before = paymentLike(draft, payments, Date.now())
  const back = () => {
    reset()
    setStep('amount')
  }
  return (
    <PayerStep
      shop={shop}
      draft={draft}
      problem={problemOf(draft, shop, before)}
      before={before}
      taking={state.status === 'taking'}
      error={state.status === 'refused' ? state.error : undefined}
      onChange={setDraft}
      onBack={back}
      onTake={() => void take(withProofs(draft, shop))}
    />
  )
}

/** A till that never reached the edge has no rules to take payments by. */
function FirstContact() {
  const { enrol } = useTill().words
  const { syncNow } = useSync()
  const state = useOffline()
  return (
    <div className="pos-empty">
      {state.status === 'needs_network' && <OfflineErrorNotice error={state.error} />}
      <button type="button" className="molam-button molam-primary" onClick={() => void syncNow()}>
        {enrol.retry}
      </button>
    </div>
  )
}
