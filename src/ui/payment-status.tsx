import type { EntryStatus } from '../device/sdk/index.ts'
import { Icon } from './icon.tsx'
import { useOfflineContext } from './provider.tsx'
import { noteOf } from './words/index.ts'

export interface OfflinePaymentStatusProps {
  readonly status: EntryStatus
  readonly reason?: string | undefined
  readonly voidRefused?: boolean | undefined
  /** Also say in a sentence where the money is. */
  readonly detailed?: boolean
}

/**
 * A payment's status as icon, word and outline. Only what the ledger has settled has a filled disc and a solid outline:
 * "received by the server" is still a dashed one.
 */
export function OfflinePaymentStatus({ status, reason, voidRefused, detailed = false }: OfflinePaymentStatusProps) {
  const { words, locale } = useOfflineContext()
  const { label, detail } = words.statuses[status]
  const note = noteOf(words, { reason, voidRefused })
  return (
    <span className="molam-status" lang={locale} data-status={status}>
      <span className="molam-badge">
        <Icon name={status} />
        {label}
      </span>
      {detailed && (
        <span className="molam-detail">
          {note !== undefined && `${note} `}
          {detail}
        </span>
      )}
    </span>
  )
}
