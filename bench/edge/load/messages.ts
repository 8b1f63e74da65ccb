import type { Confirmations } from './confirmer.ts'

/** What the bench and its generator, a process of its own, tell each other. */
export interface Load {
  /** Requests as they go on the wire, in this order. */
  readonly requests: readonly Uint8Array[]
  readonly port: number
  readonly pace: Pace
  /** Confirms every push once it was answered, as the reconciler does; the n-th belongs to the n-th request. */
  readonly confirm?: { readonly confirmations: readonly Confirmations[]; readonly hmacSecret: string }
  /** Whether to give back what was answered, in the order of the requests. */
  readonly keepAnswers?: boolean
}

export type Pace =
  /** Always this many under way: what can be served at most. */
  | { readonly kind: 'closed'; readonly concurrency: number }
  /** At this rate whether or not answers come: latency counts from when a request was due. */
  | { readonly kind: 'open'; readonly perSecond: number }

export interface LoadResult {
  /** Status → answers. */
  readonly statuses: Readonly<Record<string, number>>
  readonly seconds: number
  readonly latenciesMs: readonly number[]
  /** Devices whose confirmation was not taken at once. */
  readonly unconfirmed: number
  /** From when each confirmed push was due until its confirmation was taken. */
  readonly toldMs: readonly number[]
  readonly answers: readonly Uint8Array[]
  /** Of the generator itself: it shares the machine with what it measures. */
  readonly cpuMs: number
}
