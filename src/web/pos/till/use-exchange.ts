import { useCallback, useRef, useState } from 'react'
import {
  type AgentApproval,
  OfflineError,
  type OfflinePayment,
  type PaymentTerms,
  type Profile,
} from '../../../device/sdk/index.ts'
import { parseAuthorization } from '../../../protocol/authorization.ts'
import { equalBytes, fromBase64url } from '../../../protocol/bytes.ts'
import { decodePaymentRequest } from '../../../protocol/payment-request.ts'
import { useTill } from '../till-context.tsx'

/**
 * Why a scanned answer was not taken.
 *
 * - `error`: the SDK's own word
 * - `used`: it has paid another request before, and pays nothing more
 * - `other_amount`: the customer has signed another amount than the one that is shown
 */
export type Trouble =
  | { readonly kind: 'error'; readonly error: OfflineError }
  | { readonly kind: 'used'; readonly payment: OfflinePayment }
  | { readonly kind: 'other_amount'; readonly amount: number }

/** A payer's answer that waits for the agent's word. */
export interface Agreed {
  readonly answer: Uint8Array
  readonly terms: PaymentTerms
  /** What the agent is shown. */
  readonly request: Uint8Array
}

export interface Exchange {
  /** Undefined while it is being written. */
  readonly request: Uint8Array | undefined
  readonly agreed: Agreed | undefined
  readonly trouble: Trouble | undefined
  readonly ask: (amount: number) => Promise<void>
  readonly scanned: (text: string) => Promise<void>
  readonly end: () => void
}

interface Stage {
  readonly amount: number
  readonly request?: Uint8Array
  readonly agreed?: Agreed
  readonly trouble?: Trouble
}

/**
 * The till's side of the exchange: a request, the payer's answer, above a limit an agent's word, and then the payment. An answer is looked
 * at before it is taken: one that has paid before must not look like this payment, and one for another amount is none.
 *
 * @param take accepts the answer
 */
export function useExchange(
  shop: Profile | undefined,
  take: (answer: Uint8Array, approval?: AgentApproval) => Promise<unknown>,
): Exchange {
  const { sdk } = useTill()
  const [stage, setStage] = useState<Stage>()
  // What comes back after the person has gone on is about another payment.
  const current = useRef(0)

  const ask = useCallback(
    async (amount: number) => {
      if (shop === undefined) return
      const turn = ++current.current
      setStage({ amount })
      const { ownerWallet: receiver, policy } = shop
      const next = await settled(() =>
        sdk.createRequest({ type: 'merchant', amount, currency: policy.currency, receiver }),
      )
      if (turn !== current.current) return
      setStage(next.ok ? { amount, request: next.value.request } : { amount, trouble: next.trouble })
    },
    [sdk, shop],
  )

  const scanned = async (text: string) => {
    if (shop === undefined || stage?.request === undefined) return
    const turn = current.current
    const { amount, request } = stage
    const asked = { amount, request }
    const answer = bytesIn(text)
    const checked = await settled(() => sdk.checkAuthorization(answer))
    if (turn !== current.current) return
    if (!checked.ok) return setStage({ ...asked, trouble: checked.trouble })
    const { terms, payment } = checked.value
    if (payment !== undefined) {
      if (!answers(payment, request)) return setStage({ ...asked, trouble: { kind: 'used', payment } })
      setStage(asked)
      return void (await take(answer))
    }
    if (terms.amount !== amount) {
      return setStage({ ...asked, trouble: { kind: 'other_amount', amount: terms.amount } })
    }
    setStage(asked)
    if (amount > shop.policy.requireAgentApprovalAbove)
      setStage({ ...asked, agreed: { answer, terms, request: sdk.approvalRequest(terms) } })
    else await take(answer)
  }

  const end = useCallback(() => {
    current.current++
    setStage(undefined)
  }, [])
  return { request: stage?.request, agreed: stage?.agreed, trouble: stage?.trouble, ask, scanned, end }
}

type Settled<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly trouble: Extract<Trouble, { kind: 'error' }> }

/** @throws what is no error of the SDK's */
async function settled<T>(run: () => Promise<T>): Promise<Settled<T>> {
  try {
    return { ok: true, value: await run() }
  } catch (error) {
    if (!(error instanceof OfflineError)) throw error
    return { ok: false, trouble: { kind: 'error', error } }
  }
}

/** Of a text that is none the SDK says so. */
function bytesIn(text: string): Uint8Array {
  try {
    return fromBase64url(text.trim())
  } catch {
    return new Uint8Array()
  }
}

/** Whether a payment was taken with the answer to this request: its code was scanned twice. */
function answers({ authorization }: OfflinePayment, request: Uint8Array): boolean {
  if (authorization === undefined) return false
  const { requestId } = parseAuthorization(authorization).claims
  return equalBytes(requestId, decodePaymentRequest(request).requestId)
}
