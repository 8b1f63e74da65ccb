/** What SQLite says of a statement or a row that it does not take: no repetition mends it. All else from D1 may pass. */
const REFUSED = /SQLITE_(ERROR|CONSTRAINT|MISMATCH|RANGE|TOOBIG)/

export const isRefusedByD1 = (error: unknown): boolean => error instanceof Error && REFUSED.test(error.message)
