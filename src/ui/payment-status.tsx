import type { EntryStatus, Guarantee } from '../device/sdk/index.ts'
import { Icon } from './icon.tsx'
import { useOfflineContext } from './provider.tsx'
import { noteOf } from './words/index.ts'

export interface OfflinePaymentStatusProps {
  readonly status: EntryStatus
  readonly reason?: string | undefined
  readonly voidRefused?: boolean | undefined
  readonly guarantee?: Guarantee | undefined
  /** Also say in a sentence where the money is. */
  readonly detailed?: boolean
}

/**
 * A payment's status as icon, word and outline. Only what the ledger has settled has a filled disc and a solid outline:
 * "received by the server" is still a dashed one.
 */
export function OfflinePaymentStatus(props: OfflinePaymentStatusProps) {
  const { status, reason, voidRefused, guarantee, detailed = false } = props
  const { words, locale } = useOfflineContext()
  const { label, detail } = words.statuses[status]
  const note = noteOf(words, { status, reason, voidRefused, guarantee })
  return (
    <span className="molam-status" lang={locale} data-status={status}>
      <span className="molam-badge">
        <Icon name={status} />
        {label}
      </span>
      {detailed && (
        <span className="molam-detail">
          {note !== undefined && `${note}${/[.!?…]$/.test(note) ? '' : '.'} `}
          {detail}
        </span>
      )}
    </span>
  )
}
