/** A small fault, planted on purpose: whoever looks for faults must find it. */
export interface Mutant {
  /** Names it on the command line and in the table. */
  readonly name: string
  /** From the project's root. */
  readonly file: string
  /** Stands in the file exactly once. */
  readonly find: string
  readonly replace: string
  /** What is promised and then not so. */
  readonly breaks: string
  /** Where it must be caught: the model stands in for the reconciler and the ledger in shallow runs. */
  readonly tier: 'shallow' | 'deep'
  /** A seed that showed it when it was hunted last: looked at first. Any change of the simulator may make it another one. */
  readonly seed?: number
  /** Why it is not caught, where that is known. */
  readonly missed?: string
}
