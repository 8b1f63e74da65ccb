import { formatAmount, formatParty, useClaims } from '../../../ui/index.ts'
import { useApp } from '../app-context.tsx'
import { BackLink } from '../back-link.tsx'
import { ClaimCard } from './claim-card.tsx'
import { type Answer, useAnswers } from './use-answers.ts'

/**
 * What others ask for out of this device's wallet: the holder says yes or no to each. Whoever is silent has not paid. What was
 * answered here stays as a line, because what comes of it is in the other's book.
 */
export function ClaimsList({ upTo }: { readonly upTo: string }) {
  const { claims: words } = useApp().words
  const claims = useClaims()
  const { answers, give } = useAnswers()
  const isOpen = new Set(claims.map(({ localId }) => localId))
  const ended = [...answers.values()].filter(({ claim, state }) => state !== 'sending' && !isOpen.has(claim.localId))
  return (
    <div className="app-stack">
      <BackLink href={upTo} />
      <h2>{words.title}</h2>
      <p>{claims.length === 0 ? words.none : words.what}</p>
      <div role="status">
        <ul className="app-answers">
          {ended.map((answer) => (
            <Ended key={answer.claim.localId} answer={answer} />
          ))}
        </ul>
      </div>
      {claims.map((claim) => (
        <ClaimCard
          key={claim.localId}
          claim={claim}
          answer={answers.get(claim.localId)}
          onAnswer={(choice) => void give(claim, choice)}
        />
      ))}
    </div>
  )
}

function Ended({ answer: { claim, choice, state } }: { readonly answer: Answer }) {
  const { claims: words } = useApp().words
  const what = `${formatAmount(claim.amount, claim.currency)} → ${formatParty(claim.receiver)}`
  const said = state === 'given' ? words.said[choice] : isOtherAnswer(state) ? words.other : words.over
  return (
    <li data-choice={state === 'given' ? choice : undefined}>
      <strong>{what}</strong> <span>{said}</span>
    </li>
  )
}

const isOtherAnswer = (state: Answer['state']) => typeof state === 'object' && state.code === 'state_conflict'
