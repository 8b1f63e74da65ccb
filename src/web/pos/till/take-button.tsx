import { useTill } from '../till-context.tsx'

interface TakeButtonProps {
  readonly amount: string
  readonly ready: boolean
  readonly taking: boolean
}

export function TakeButton({ amount, ready, taking }: TakeButtonProps) {
  const { till } = useTill().words
  return (
    <button type="submit" className="molam-button molam-primary" aria-disabled={!ready || taking} aria-busy={taking}>
      {taking ? till.taking : till.take(amount)}
    </button>
  )
}
