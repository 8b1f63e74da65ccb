import { useState } from 'react'
import { useProfile, useTakePayment } from '../../../ui/index.ts'
import { FirstContact } from '../../shared/first-contact.tsx'
import { AmountStep } from '../../shared/pad/amount-step.tsx'
import { useStanding } from '../../shared/pad/use-standing.ts'
import { useMayPay } from '../home/use-may-pay.ts'
import { Confirm } from './confirm.tsx'
import { NotAllowed } from './not-allowed.tsx'
import { Sent } from './sent.tsx'
import { StepBack } from './step-back.tsx'
import { EMPTY, termsOf } from './transfer.ts'
import { WhoStep } from './who-step.tsx'

/** Pays out of this wallet: to whom, how much, what is about to be signed, and what came of it. */
export function Pay() {
  const profile = useProfile()
  const standing = useStanding()
  const mayPay = useMayPay()
  const [transfer, setTransfer] = useState(EMPTY)
  const [step, setStep] = useState<'who' | 'amount' | 'confirm'>('who')
  const { state, take, giveUp, reset } = useTakePayment()
  if (profile === undefined || standing === undefined) return <FirstContact />
  if (!mayPay) return <NotAllowed />
  if (state.status === 'taken') return <Sent payment={state.payment} />
  if (step === 'who') {
    return <WhoStep profile={profile} transfer={transfer} onChange={setTransfer} onNext={() => setStep('amount')} />
  }
  if (step === 'amount') {
    return (
      <div className="app-stack">
        <StepBack onBack={() => setStep('who')} />
        <AmountStep standing={standing} draft={transfer} onChange={setTransfer} onNext={() => setStep('confirm')} />
      </div>
    )
  }
  const terms = termsOf(transfer, profile)
  const back = () => {
    reset()
    setStep('amount')
  }
  return (
    <Confirm
      terms={terms}
      paying={state.status === 'taking'}
      error={state.status === 'refused' ? state.error : undefined}
      onBack={back}
      onPay={() => void take(terms)}
      onGiveUp={giveUp}
    />
  )
}
