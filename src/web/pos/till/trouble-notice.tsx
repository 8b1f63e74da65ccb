import { useTimeFormat } from '../../../ui/hooks.ts'
import { Icon } from '../../../ui/icon.tsx'
import { formatAmount, OfflineErrorNotice, useProfile } from '../../../ui/index.ts'
import { hrefOf } from '../route.ts'
import { useTill } from '../till-context.tsx'
import type { Trouble } from './use-exchange.ts'

interface TroubleNoticeProps {
  readonly trouble: Trouble
  readonly amount: number
}

/** Why what was scanned is not this payment, and what to do. Nothing was taken. */
export function TroubleNotice({ trouble, amount }: TroubleNoticeProps) {
  const { ask, result } = useTill().words
  const format = useTimeFormat()
  const currency = useProfile()?.policy.currency ?? ''
  if (trouble.kind === 'error') return <OfflineErrorNotice error={trouble.error} amount={amount} />
  return (
    <div className="molam-alert" role="alert">
      <Icon name="warning" />
      {trouble.kind === 'other_amount' ? (
        <p>{ask.otherAmount(formatAmount(trouble.amount, currency))}</p>
      ) : (
        <p>
          {ask.used(trouble.payment.localId, format(trouble.payment.initiatedAtMs))}{' '}
          <a href={hrefOf({ screen: 'receipt', localId: trouble.payment.localId })}>{result.receipt}</a>
        </p>
      )}
    </div>
  )
}
