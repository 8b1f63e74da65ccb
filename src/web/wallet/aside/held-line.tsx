import { formatAmount, Time, useProfile } from '../../../ui/index.ts'
import { useWallet } from '../wallet-context.tsx'
import { useHeld } from './use-held.ts'

/** On home: what can still be paid with cover, and until when. Nothing while no till could be told so. */
export function HeldLine() {
  const { aside } = useWallet().words
  const { held } = useHeld()
  const currency = useProfile()?.policy.currency
  if (held === undefined || held === 'reading' || currency === undefined) return null
  const { state, isInPass, ceiling, used, untilMs } = held
  if (state !== 'open' || untilMs === undefined) return null
  if (!isInPass) return <p className="app-note">{aside.notInPass}</p>
  return (
    <p className="app-note">
      {aside.line(formatAmount(ceiling - used, currency), formatAmount(ceiling, currency))}{' '}
      <Time atMs={untilMs} form="day" />
    </p>
  )
}
