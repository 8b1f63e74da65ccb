import type { Policy } from '../../../protocol/policy.ts'
import { formatAmount } from '../../../ui/index.ts'
import { useTill } from '../till-context.tsx'
import { Approval } from './approval.tsx'
import type { Draft, needs, Problem } from './draft.ts'

interface ProofsProps {
  readonly needed: ReturnType<typeof needs>
  readonly policy: Policy
  readonly draft: Draft
  /** What an agent is shown. */
  readonly request: Uint8Array | undefined
  readonly problems: ReadonlySet<Problem>
  /** Those that are said already. */
  readonly shown: ReadonlySet<Problem>
  readonly set: (change: Partial<Draft>) => void
}

/** What the policy asks for above its limits, and why. */
export function Proofs({ needed, policy, draft, request, problems, shown, set }: ProofsProps) {
  const { payer: words } = useTill().words
  const money = (minor: number) => formatAmount(minor, policy.currency)
  return (
    <>
      {needed.phone && <p className="pos-note">{words.proofWhy(money(policy.requirePayerProofAbove))}</p>}
      {needed.approval && (
        <Approval
          above={money(policy.requireAgentApprovalAbove)}
          request={request}
          value={draft.approval}
          onChange={(approval) => set({ approval })}
          wrong={
            problems.has('approval')
              ? words.approvalWrong
              : shown.has('no_approval')
                ? words.approvalMissing
                : undefined
          }
        />
      )}
    </>
  )
}
