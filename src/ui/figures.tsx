import { formatAmount, type TimeForm } from './format.ts'
import { useTimeFormat } from './hooks.ts'

/** An amount as it is written in Senegal. Runtimes differ in their spaces: the server's text may stand. */
export function Amount({ minor, currency }: { readonly minor: number; readonly currency: string }) {
  return (
    <span className="molam-amount" suppressHydrationWarning>
      {formatAmount(minor, currency)}
    </span>
  )
}

interface TimeProps {
  readonly atMs: number
  /** Default `day`: day and time of day. */
  readonly form?: TimeForm
}

/** An instant in the language of the provider and the zone of the policy. */
export function Time({ atMs, form = 'day' }: TimeProps) {
  const format = useTimeFormat()
  return (
    <time className="molam-time" dateTime={new Date(atMs).toISOString()} suppressHydrationWarning>
      {format(atMs, form)}
    </time>
  )
}
