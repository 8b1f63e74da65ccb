import { useCallback, useRef, useState } from 'react'
import {
  type AgentApproval,
  OfflineError,
  type OfflineSDK,
  type PaymentTerms,
  type TakenPayment,
} from '../device/sdk/index.ts'
import { useOfflineContext } from './provider.tsx'

/**
 * - `taken`: the payment is on disk. `how` says whether the edge has its receipt out already; neither is "paid"
 * - `refused`: see `error.money` for where the payment stands; almost always `not_taken`
 */
export type TakeState =
  | { readonly status: 'idle' | 'taking' }
  | { readonly status: 'taken'; readonly payment: TakenPayment; readonly how: 'online' | 'offline' }
  | { readonly status: 'refused'; readonly error: OfflineError }

export interface TakePayment {
  readonly state: TakeState
  /**
   * Takes one payment. Does nothing while one is being taken, and after one until `reset()`: two taps are one payment.
   *
   * @returns the payment once it is on disk; undefined when none was taken by this call
   */
  readonly take: (terms: PaymentTerms) => Promise<TakenPayment | undefined>
  /** Takes the payment that a payer's phone has signed (`acceptAuthorization`), likewise. */
  readonly accept: (answer: Uint8Array, approval?: AgentApproval) => Promise<TakenPayment | undefined>
  /** Gives up the payment that is being taken, unless its write has begun: how it ended, `state` says. */
  readonly giveUp: () => void
  /** Ready for the next payment. Ignored while one is being taken. */
  readonly reset: () => void
}

type Begin = (sdk: OfflineSDK, signal: AbortSignal) => Promise<TakenPayment>

/**
 * Takes payments one at a time.
 *
 * @example
 * const { state, take, reset } = useTakePayment()
 * if (state.status === 'taken') return <Receipt payment={state.payment} onDone={reset} />
 */
export function useTakePayment(): TakePayment {
  const { sdk } = useOfflineContext().store
  const [state, setState] = useState<TakeState>({ status: 'idle' })
  // Outside of React's state, which a second tap in the same frame would not see yet.
  const stage = useRef<'free' | 'taking' | 'done'>('free')
  const givingUp = useRef<AbortController>(undefined)

  const run = useCallback(
    async (begin: Begin) => {
      if (stage.current !== 'free') return undefined
      stage.current = 'taking'
      setState({ status: 'taking' })
      try {
        if (sdk === undefined) throw new OfflineError('not_ready')
        givingUp.current = new AbortController()
        const payment = await begin(sdk, givingUp.current.signal)
        stage.current = 'done'
        setState({ status: 'taken', payment, how: payment.taken })
        return payment
      } catch (error) {
        if (error instanceof OfflineError) {
          // A payment that stands, whatever else went wrong, is not taken again by a second tap.
          stage.current = error.money === 'not_taken' ? 'free' : 'done'
          setState({ status: 'refused', error })
          return undefined
        }
        // Nobody knows whether it was taken: the page must not look as if it was not.
        setState(() => {
          throw error
        })
        return undefined
      }
    },
    [sdk],
  )

  const take = useCallback(
    (terms: PaymentTerms) => run((from, signal) => from.createOfflineTransaction(terms, { signal })),
    [run],
  )
  const accept = useCallback(
    (answer: Uint8Array, approval?: AgentApproval) =>
      run((from, signal) => from.acceptAuthorization(answer, { signal, ...(approval && { approval }) })),
    [run],
  )

  const reset = useCallback(() => {
    if (stage.current === 'taking') return
    stage.current = 'free'
    setState({ status: 'idle' })
  }, [])

  const giveUp = useCallback(() => givingUp.current?.abort(), [])

  return { state, take, accept, giveUp, reset }
}
