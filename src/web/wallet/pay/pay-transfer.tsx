import { useState } from 'react'
import type { Profile } from '../../../device/sdk/index.ts'
import { useTakePayment } from '../../../ui/index.ts'
import { FirstContact } from '../../shared/first-contact.tsx'
import { AmountStep } from '../../shared/pad/amount-step.tsx'
import { useStanding } from '../../shared/pad/use-standing.ts'
import { isPresent } from '../lock/presence.ts'
import { Confirm } from './confirm.tsx'
import { Sent } from './sent.tsx'
import { StepBack } from './step-back.tsx'
import { EMPTY, termsOf } from './transfer.ts'
import { WhoStep } from './who-step.tsx'

interface PayTransferProps {
  readonly profile: Profile
  /** Hears of a till's request that was scanned instead of a number. */
  readonly onRequest: (request: Uint8Array) => void
}

/** To whom, how much, what is about to be signed, and what came of it. */
export function PayTransfer({ profile, onRequest }: PayTransferProps) {
  const standing = useStanding()
  const [transfer, setTransfer] = useState(EMPTY)
  const [step, setStep] = useState<'who' | 'amount' | 'confirm'>('who')
  const [unproven, setUnproven] = useState(false)
  const { state, take, giveUp, reset } = useTakePayment()
  if (standing === undefined) return <FirstContact />
  if (state.status === 'taken') return <Sent payment={state.payment} />
  if (step === 'who') {
    return (
      <WhoStep
        profile={profile}
        transfer={transfer}
        onChange={setTransfer}
        onRequest={onRequest}
        onNext={() => setStep('amount')}
      />
    )
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
    setUnproven(false)
    setStep('amount')
  }
  const pay = async () => {
    const present = await isPresent()
    setUnproven(!present)
    if (present) await take(terms)
  }
  return (
    <Confirm
      terms={terms}
      paying={state.status === 'taking'}
      unproven={unproven}
      error={state.status === 'refused' ? state.error : undefined}
      onBack={back}
      onPay={() => void pay()}
      onGiveUp={giveUp}
    />
  )
}
