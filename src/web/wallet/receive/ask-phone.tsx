import { useRef, useState } from 'react'
import { OfflineError, type Profile } from '../../../device/sdk/index.ts'
import { fromBase64url } from '../../../protocol/bytes.ts'
import { OfflineErrorNotice, useTakePayment } from '../../../ui/index.ts'
import { FirstContact } from '../../shared/first-contact.tsx'
import type { Keyed } from '../../shared/pad/amount.ts'
import { AmountStep } from '../../shared/pad/amount-step.tsx'
import { useStanding } from '../../shared/pad/use-standing.ts'
import { StepBack } from '../pay/step-back.tsx'
import { useWallet } from '../wallet-context.tsx'
import { answersAnother } from './answers.ts'
import { Received } from './received.tsx'
import { ShowRequest } from './show-request.tsx'

interface AskPhoneProps {
  readonly profile: Profile
  readonly onBack: () => void
}

const EMPTY: Keyed = { digits: '' }

/** How much, this phone's request, the other phone's answer, and what came of it. Nothing is taken but by an answer that verifies. */
export function AskPhone({ profile, onBack }: AskPhoneProps) {
  const { sdk } = useWallet()
  const standing = useStanding()
  const { state, accept, giveUp, reset } = useTakePayment()
  const [draft, setDraft] = useState(EMPTY)
  const [request, setRequest] = useState<Uint8Array>()
  /** What kept a request from being made, or an answer from being looked at. */
  const [fault, setFault] = useState<OfflineError>()
  // Outside of React's state, which a second press in the same frame would not see yet.
  const asking = useRef(false)
  if (standing === undefined) return <FirstContact />
  if (state.status === 'taken') return <Received payment={state.payment} />
  const amount = Number(draft.digits)
  const { ownerWallet: receiver, policy } = profile
  const ask = async () => {
    if (asking.current) return
    asking.current = true
    reset()
    setFault(undefined)
    try {
      // No phone has an agent beside it: nobody is asked to sign what is not taken then.
      if (amount > policy.requireAgentApprovalAbove) throw new OfflineError('refused', { reason: 'approval_required' })
      const asked = await sdk.createRequest({ type: 'p2p', amount, currency: policy.currency, receiver })
      setRequest(asked.request)
    } catch (cause) {
      if (!(cause instanceof OfflineError)) throw cause
      setFault(cause)
    } finally {
      asking.current = false
    }
  }
  const scanned = (text: string, shown: Uint8Array) => {
    const answer = bytesIn(text)
    reset()
    const isOther = answersAnother(answer, shown)
    setFault(isOther ? new OfflineError('authorization_invalid', { fault: 'not_asked' }) : undefined)
    if (!isOther) void accept(answer)
  }
  const error = fault ?? (state.status === 'refused' ? state.error : undefined)
  if (request === undefined) {
    return (
      <div className="app-stack">
        <StepBack onBack={onBack} />
        <AmountStep standing={standing} draft={draft} onChange={setDraft} onNext={() => void ask()} />
        {error && <OfflineErrorNotice error={error} amount={amount} />}
      </div>
    )
  }
  return (
    <ShowRequest
      amount={amount}
      currency={policy.currency}
      request={request}
      taking={state.status === 'taking'}
      error={error}
      onScanned={(text) => scanned(text, request)}
      onAgain={() => void ask()}
      onGiveUp={giveUp}
      onBack={() => {
        reset()
        setFault(undefined)
        setRequest(undefined)
      }}
    />
  )
}

/** Of a text that is none the SDK says so. */
function bytesIn(text: string): Uint8Array {
  try {
    return fromBase64url(text.trim())
  } catch {
    return new Uint8Array()
  }
}
