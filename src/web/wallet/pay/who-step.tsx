import { type FormEvent, useState } from 'react'
import type { Profile } from '../../../device/sdk/index.ts'
import { formatParty } from '../../../ui/index.ts'
import { BackLink } from '../../shared/back-link.tsx'
import { Choice } from '../../shared/choices.tsx'
import { Field } from '../../shared/field.tsx'
import { hrefOf } from '../route.ts'
import { useWallet } from '../wallet-context.tsx'
import { ScanToPay } from './scan-to-pay.tsx'
import { receiverOf, receiverProblem, type Towards, type Transfer } from './transfer.ts'

interface WhoStepProps {
  readonly profile: Profile
  readonly transfer: Transfer
  readonly onChange: (change: (transfer: Transfer) => Transfer) => void
  /** Hears of a till's request that was scanned. */
  readonly onRequest: (request: Uint8Array) => void
  readonly onNext: () => void
}

/** Who gets the money: scanned from the other phone, or typed. */
export function WhoStep({ profile, transfer, onChange, onRequest, onNext }: WhoStepProps) {
  const { pay, account } = useWallet().words
  const [tried, setTried] = useState(false)
  const problem = receiverProblem(transfer, profile)
  const receiver = receiverOf(transfer, profile)
  const submit = (event: FormEvent) => {
    event.preventDefault()
    setTried(true)
    if (problem === undefined) onNext()
  }
  const wrong = () => {
    if (problem === undefined || (!tried && problem !== 'link' && problem !== 'own_wallet')) return undefined
    if (problem === 'empty') return pay.missing
    return problem === 'own_wallet' ? pay.own : account.faults[problem]
  }
  return (
    <form className="app-stack" onSubmit={submit}>
      <BackLink href={hrefOf({ screen: 'home' })} />
      <h2>{pay.who}</h2>
      <ScanToPay
        profile={profile}
        onRequest={onRequest}
        onAccount={(receiver) => onChange((before) => ({ ...before, receiver }))}
      />
      <Field
        label={pay.receiver}
        hint={pay.receiverHint}
        value={transfer.receiver}
        onChange={(receiver) => onChange((before) => ({ ...before, receiver }))}
        wrong={wrong()}
        means={problem === undefined && receiver.startsWith('+') ? account.means(formatParty(receiver)) : undefined}
      />
      <Choice<Towards>
        legend={pay.towards}
        value={transfer.towards}
        options={[
          ['p2p', pay.person],
          ['merchant', pay.shop],
        ]}
        onChoose={(towards) => onChange((before) => ({ ...before, towards }))}
      />
      <button type="submit" className="molam-button wallet-next" aria-disabled={problem !== undefined}>
        {pay.next}
      </button>
    </form>
  )
}
