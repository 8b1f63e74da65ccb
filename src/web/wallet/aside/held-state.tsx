import type { HeldAllowance } from '../../../device/sdk/index.ts'
import { formatAmount, Time } from '../../../ui/index.ts'
import { useWallet } from '../wallet-context.tsx'
import { refusalOf } from './refusals.ts'

interface HeldStateProps {
  readonly held: HeldAllowance
  readonly currency: string
}

/** How it stands in words; while it is open, what is held, signed and left, and until when. */
export function HeldState({ held, currency }: HeldStateProps) {
  const { aside } = useWallet().words
  const { state, ceiling, used, untilMs, reason, isInPass } = held
  const money = (minor: number) => formatAmount(minor, currency)
  return (
    <>
      <p role="status">
        {aside.states[state](money(ceiling), money(ceiling - used))}
        {state === 'refused' && ` ${aside.why[refusalOf(reason)]}`}
        {state === 'open' && !isInPass && ` ${aside.notInPass}`}
      </p>
      {state === 'open' && (
        <dl className="app-facts">
          <div>
            <dt>{aside.covered}</dt>
            <dd>{money(ceiling)}</dd>
          </div>
          <div>
            <dt>{aside.used}</dt>
            <dd>{money(used)}</dd>
          </div>
          <div>
            <dt>{aside.left}</dt>
            <dd>{money(ceiling - used)}</dd>
          </div>
          {untilMs !== undefined && (
            <div>
              <dt>{aside.until}</dt>
              <dd>
                <Time atMs={untilMs} form="day" />
              </dd>
            </div>
          )}
        </dl>
      )}
    </>
  )
}
