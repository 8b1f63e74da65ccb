/** SQLite's primary result codes (https://www.sqlite.org/rescode.html), as D1 writes them at the end of its messages. */
const CODES: Readonly<Record<number, string>> = {
  1: 'SQLITE_ERROR',
  18: 'SQLITE_TOOBIG',
  19: 'SQLITE_CONSTRAINT',
  20: 'SQLITE_MISMATCH',
  25: 'SQLITE_RANGE',
}

/** What SQLite did not take, as D1 says it. */
export function d1Error(error: unknown): Error {
  if (!(error instanceof Error)) return new Error('D1_ERROR: unknown')
  const { errcode } = error as Error & { readonly errcode?: number }
  // The extended code holds the primary one in its lowest byte.
  const code = errcode === undefined ? undefined : (CODES[errcode & 0xff] ?? `SQLITE_CODE_${errcode & 0xff}`)
  return new Error(`D1_ERROR: ${error.message}${code === undefined ? '' : `: ${code}`}`)
}

/** The call or its answer was lost. */
export const connectionLostByD1 = () => new Error('D1_ERROR: Network connection lost.')

/** Fault: D1 does not take a row. */
export const rowRefusedByD1 = () => new Error('D1_ERROR: CHECK constraint failed: simulated: SQLITE_CONSTRAINT')

export const d1TypeError = (value: unknown) =>
  new Error(`D1_TYPE_ERROR: Type '${typeof value}' not supported for value '${String(value)}'`)
