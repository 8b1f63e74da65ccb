import type { Limits, OfflineError } from '../device/sdk/index.ts'
import { formatAmount } from './format.ts'
import { useLimits } from './hooks.ts'
import { Icon } from './icon.tsx'
import { useOfflineContext } from './provider.tsx'
import type { Messages } from './words/messages.ts'

export interface OfflineErrorNoticeProps {
  readonly error: OfflineError
  /** Minor units: what was to be taken, to say which limit it is above. */
  readonly amount?: number | undefined
}

/** An error as three answers: where the money is, why, and what to do now. Interrupts a screen reader. */
export function OfflineErrorNotice({ error, amount }: OfflineErrorNoticeProps) {
  const { words, locale } = useOfflineContext()
  const allowance = useLimits()
  const why = error.reason && words.reasons[error.reason]
  const limit = error.reason === 'limit_exceeded' && allowance && limitText(words, allowance, amount)
  return (
    <div className="molam-alert" role="alert" lang={locale}>
      <Icon name="warning" />
      <div>
        {error.fault !== 'answered' && <p className="molam-strong">{words.money[error.money]}</p>}
        {error.fault && <p>{words.faults[error.fault]}</p>}
        {why && <p>{why}</p>}
        {limit && <p>{limit}</p>}
        {words.next[error.next] !== '' && <p>{words.next[error.next]}</p>}
        <p className="molam-code">
          {words.code} <code>{error.fault ?? error.code}</code>
        </p>
      </div>
    </div>
  )
}

/** The limit that speaks, by the rules' own order. */
function limitText({ limits }: Messages, allowance: Limits, amount = 0): string {
  const { count, currency, amountsByCurrency, maxAmount } = allowance
  const money = (minor: number) => formatAmount(minor, currency)
  if (amount > maxAmount) return limits.perPayment(money(maxAmount))
  if (count.remaining === 0) return limits.countPerDay(count.max)
  const today = amountsByCurrency[currency]
  return today === undefined ? '' : limits.perDay(money(today.remaining), money(today.max))
}
