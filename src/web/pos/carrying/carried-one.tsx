import { useState } from 'react'
import { generateOfflineQR } from '../../../device/qr/index.ts'
import type { CarriedBundle } from '../../../device/relay/index.ts'
import { OfflineQRDisplay, Time } from '../../../ui/index.ts'
import { BackLink } from '../../shared/back-link.tsx'
import { goUp } from '../../shared/navigation.ts'
import { hrefOf } from '../route.ts'
import { useTill } from '../till-context.tsx'
import { useCarried, useCarrying } from './use-carrying.ts'

/** One bundle of another till: whether it is delivered, and then its receipt, for that till to scan. */
export function CarriedOne({ id }: { readonly id: string }) {
  const { words } = useTill()
  const carried = useCarried(id)
  return (
    <div className="app-stack">
      <BackLink href={hrefOf({ screen: 'carried' })} />
      {carried === undefined ? <p className="app-empty">{words.carried.gone}</p> : <Carried carried={carried} />}
    </div>
  )
}

function Carried({ carried }: { readonly carried: CarriedBundle }) {
  const { words } = useTill()
  const { state } = carried
  return (
    <>
      <h2>{words.carried.from(carried.deviceId)}</h2>
      <div className="pos-carried" data-status={state.status} role="status">
        <strong className="pos-carried-state">{words.carried.states[state.status]}</strong>
        <span>{words.carried.explained[state.status]}</span>
        <span className="app-note">
          <Time atMs={carried.atMs} />
        </span>
      </div>
      {state.status === 'waiting' && <SendNow />}
      {state.status === 'delivered' && (
        <OfflineQRDisplay carries="receipt" qr={generateOfflineQR(state.receipt, { carries: 'receipt' })} />
      )}
      {state.status === 'refused' && (
        <p className="molam-code">
          <code>{state.code}</code>
        </p>
      )}
      <Forget id={carried.id} />
    </>
  )
}

function SendNow() {
  const { words, carrying } = useTill()
  const { isSending } = useCarrying()
  return (
    <button
      type="button"
      className="molam-button molam-primary"
      aria-disabled={isSending}
      onClick={() => void carrying.push()}
    >
      {isSending ? words.carried.sending : words.carried.send}
    </button>
  )
}

/** Asks twice: somebody may count on it. Their payments are on their own till all the same. */
function Forget({ id }: { readonly id: string }) {
  const { words, carrying } = useTill()
  const [sure, setSure] = useState(false)
  const press = async () => {
    if (!sure) return setSure(true)
    await carrying.forget(id)
    goUp(hrefOf({ screen: 'carried' }))
  }
  return (
    <button type="button" className="molam-button" onClick={() => void press()}>
      {sure ? words.carried.forgetSure : words.carried.forget}
    </button>
  )
}
