import { useRef } from 'react'
import type { Profile } from '../../../device/sdk/index.ts'
import { useTill } from '../till-context.tsx'
import { type Draft, needs, payerProblem, termsOf } from './draft.ts'

/**
 * What the till shows an agent: one request for as long as the draft says the same, and another one for the next payment.
 *
 * @returns undefined while nothing has to be approved, or nobody is named who pays
 */
export function useApprovalRequest(draft: Draft, shop: Profile | undefined): Uint8Array | undefined {
  const { sdk } = useTill()
  const shown = useRef<{ readonly of: string; readonly request: Uint8Array }>(undefined)
  if (shop === undefined || !needs(draft, shop).approval || payerProblem(draft, shop) !== undefined) {
    shown.current = undefined
    return undefined
  }
  const terms = termsOf(draft, shop)
  const of = JSON.stringify(terms)
  if (shown.current?.of !== of) shown.current = { of, request: sdk.approvalRequest(terms) }
  return shown.current.request
}
