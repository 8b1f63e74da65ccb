/** What the edge's surroundings do wrong; see index.ts. */
export interface Levers {
  /** Queues that take no message. */
  readonly refuses: readonly ('settle' | 'index')[]
  /** The index queue throws away what it delivers. */
  readonly losesIndex: boolean
}
