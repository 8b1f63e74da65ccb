import type { Policy } from '../../../protocol/policy.ts'
import { formatAmount } from '../../../ui/index.ts'
import { Field } from '../field.tsx'
import { useTill } from '../till-context.tsx'
import type { Draft, needs, Problem } from './draft.ts'

interface ProofsProps {
  readonly needed: ReturnType<typeof needs>
  readonly policy: Policy
  readonly draft: Draft
  readonly tried: boolean
  readonly problem: Problem | undefined
  readonly set: (change: Partial<Draft>) => void
}

/** What the policy asks for above its limits, and why. */
export function Proofs({ needed, policy, draft, tried, problem, set }: ProofsProps) {
  const { payer: words } = useTill().words
  const money = (minor: number) => formatAmount(minor, policy.currency)
  return (
    <>
      {needed.consent && (
        <Field
          label={words.proof}
          hint={words.proofWhy(money(policy.requirePayerProofAbove))}
          value={draft.consent}
          onChange={(consent) => set({ consent })}
          wrong={problem === 'consent' && (tried || draft.consent !== '') ? words.proofWrong : undefined}
          scan={{ wanted: 'consent', hint: words.scanning }}
        />
      )}
      {needed.approval && (
        <Field
          label={words.approval}
          hint={words.approvalWhy(money(policy.requireAgentApprovalAbove))}
          value={draft.approval}
          onChange={(approval) => set({ approval })}
          wrong={tried && problem === 'approval' ? words.approvalMissing : undefined}
        />
      )}
    </>
  )
}
