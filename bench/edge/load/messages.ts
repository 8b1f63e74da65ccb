/** What the bench and its generator, a process of its own, tell each other. */
export interface Load {
  /** Requests as they go on the wire, in this order. */
  readonly requests: readonly Uint8Array[]
  readonly port: number
  readonly pace: Pace
  /** Confirms every push once it was answered, as the reconciler does; the n-th belongs to the n-th request. */
  readonly confirm?: { readonly confirmations: readonly Uint8Array[]; readonly hmacSecret: string }
  /** Keeps this many answers, spread over all. */
  readonly samples?: number
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
  readonly confirmCalls: number
  /** Devices whose confirmation was not taken at once. */
  readonly unconfirmed: number
  readonly samples: readonly Uint8Array[]
  /** Of the generator itself: it shares the machine with what it measures. */
  readonly cpuMs: number
}
