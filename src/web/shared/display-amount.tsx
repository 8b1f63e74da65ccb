import type { CSSProperties } from 'react'
import { formatAmount } from '../../ui/index.ts'

interface DisplayAmountProps {
  readonly minor: number
  readonly currency: string
}

/** The amount that a screen is about, as large as it fits on one line. */
export function DisplayAmount({ minor, currency }: DisplayAmountProps) {
  const text = formatAmount(minor, currency)
  return (
    <span className="app-display" style={{ '--app-chars': text.length } as CSSProperties}>
      {text}
    </span>
  )
}
