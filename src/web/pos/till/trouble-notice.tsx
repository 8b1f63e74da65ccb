import { useTimeFormat } from '../../../ui/hooks.ts'
import { formatAmount, OfflineErrorNotice, useProfile } from '../../../ui/index.ts'
import { hrefOf } from '../route.ts'
import { useTill } from '../till-context.tsx'
import type { Trouble } from './use-exchange.ts'

interface TroubleNoticeProps {
  readonly trouble: Trouble
  readonly amount: number
  readonly onAgain: () => void
}

/** Why what was scanned is not this payment, and the way on. Nothing was taken. */
export function TroubleNotice({ trouble, amount, onAgain }: TroubleNoticeProps) {
  const { ask, result } = useTill().words
  const format = useTimeFormat()
  const currency = useProfile()?.policy.currency ?? ''
  return (
    <>
      {trouble.kind === 'error' && <OfflineErrorNotice error={trouble.error} amount={amount} />}
      {trouble.kind === 'other_amount' && (
        <p className="app-note app-wrong" role="alert">
          {ask.otherAmount(formatAmount(trouble.amount, currency))}
        </p>
      )}
      {trouble.kind === 'used' && (
        <p className="app-note app-wrong" role="alert">
          {ask.used(trouble.payment.localId, format(trouble.payment.initiatedAtMs))}{' '}
          <a href={hrefOf({ screen: 'receipt', localId: trouble.payment.localId })}>{result.receipt}</a>
        </p>
      )}
      <button type="button" className="molam-button" onClick={onAgain}>
        {ask.again}
      </button>
    </>
  )
}
