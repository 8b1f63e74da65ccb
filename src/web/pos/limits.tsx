import { formatAmount, useAllowance } from '../../ui/index.ts'
import { useTill } from './till-context.tsx'

/** What may still be taken today without a network. */
export function Limits() {
  const { limits } = useTill().words
  const allowance = useAllowance()
  const value = allowance?.amountsByCurrency[allowance.currency]
  if (allowance === undefined || value === undefined) return null
  const money = (minor: number) => formatAmount(minor, allowance.currency)
  const { count } = allowance
  return (
    <section className="pos-limits" aria-label={limits.title}>
      <h2>{limits.title}</h2>
      <Gauge label={limits.value} {...value} text={limits.left(money(value.remaining), money(value.max))} />
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
