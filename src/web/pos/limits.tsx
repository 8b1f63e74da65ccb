import { formatAmount } from '../../ui/index.ts'
import { type Unready, unreadiness } from '../shared/pad/readiness.ts'
import { useStanding } from '../shared/pad/use-standing.ts'
import { useTill } from './till-context.tsx'

const USED: ReadonlySet<Unready> = new Set(['count_used', 'unsynced_used', 'value_used'])

/** What may still be taken today without a network; or why nothing may, since a limit that cannot be used is none. */
export function Limits() {
  const { limits, amount } = useTill().words
  const standing = useStanding()
  const value = standing?.allowance.amountsByCurrency[standing.allowance.currency]
  if (standing === undefined || value === undefined) return null
  const { count, currency, unsynced } = standing.allowance
  const money = (minor: number) => formatAmount(minor, currency)
  const unready = unreadiness(standing)
  if (unready !== undefined && !USED.has(unready)) {
    return <p className="pos-limits app-wrong">{amount.unready[unready]}</p>
  }
  return (
    <section className="pos-limits" aria-label={limits.title}>
      <h2>{limits.title}</h2>
      <Gauge label={limits.value} {...value} text={limits.left(money(value.remaining), money(value.max))} />
      <Gauge label={limits.unsynced} {...unsynced} text={limits.left(money(unsynced.remaining), money(unsynced.max))} />
      <Gauge label={limits.count} {...count} text={limits.left(String(count.remaining), String(count.max))} />
    </section>
  )
}

interface GaugeProps {
  readonly label: string
  readonly used: number
  readonly max: number
  readonly text: string
}

function Gauge({ label, used, max, text }: GaugeProps) {
  return (
    <label className="pos-gauge">
      <span>{label}</span>
      <span className="pos-gauge-text">{text}</span>
      <progress className="molam-progress" max={max} value={used} />
    </label>
  )
}
