import { useState } from 'react'
import type { ClaimChoice, OpenClaim } from '../../../device/sdk/index.ts'
import { formatAmount, formatParty, Time } from '../../../ui/index.ts'
import { useApp } from '../app-context.tsx'
import { DisplayAmount } from '../display-amount.tsx'
import { Sure } from '../sure.tsx'
import type { Answer } from './use-answers.ts'

interface ClaimCardProps {
  readonly claim: OpenClaim
  /** What was answered here, if anything. */
  readonly answer: Answer | undefined
  readonly onAnswer: (choice: ClaimChoice) => void
}

/** One payment that somebody asks for: how much, who, when. Asks twice, because the first answer stands. */
export function ClaimCard({ claim, answer, onAnswer }: ClaimCardProps) {
  const { claims: words } = useApp().words
  const [choice, setChoice] = useState<ClaimChoice>()
  const failed = typeof answer?.state === 'object' ? answer.state : undefined
  const id = `claim-${claim.localId}`
  return (
    <article className="app-claim" aria-labelledby={id}>
      <h3 id={id}>
        <DisplayAmount minor={claim.amount} currency={claim.currency} />
      </h3>
      <dl className="app-facts">
        <div>
          <dt>{words.asks}</dt>
          <dd>{formatParty(claim.receiver)}</dd>
        </div>
        <div>
          <dt>{words.takenAt}</dt>
          <dd>
            <Time atMs={claim.initiatedAtMs} />
          </dd>
        </div>
        <div>
          <dt>{words.number}</dt>
          <dd>{claim.localId}</dd>
        </div>
        <div>
          <dt>{words.until}</dt>
          <dd>
            <Time atMs={claim.openUntilMs} />
          </dd>
        </div>
      </dl>
      {failed && (
        <p className="app-wrong" role="alert">
          {words.notSent} <code>{failed.code}</code>
        </p>
      )}
      {answer?.state === 'sending' ? (
        <p role="status">{words.sending}</p>
      ) : choice === undefined ? (
        <div className="app-claim-choices">
          <button type="button" className="molam-button" onClick={() => setChoice('refuse')}>
            {words.refuse}
          </button>
          <button type="button" className="molam-button" onClick={() => setChoice('confirm')}>
            {words.confirm}
          </button>
        </div>
      ) : (
        <Sure
          question={words.sure[choice](formatAmount(claim.amount, claim.currency))}
          onBack={() => setChoice(undefined)}
          onSure={() => {
            setChoice(undefined)
            onAnswer(choice)
          }}
        />
      )}
    </article>
  )
}
