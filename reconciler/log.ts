import { pino } from 'pino'

/**
 * Structured logs. Only what finds a fault goes in: device ids, bundle ids, inbox ids, counts, codes. Wallet ids, phone
 * numbers, amounts and message bodies do not; database errors are reduced to their code, because their detail quotes rows.
 */
export type Log = Pick<pino.Logger, 'debug' | 'info' | 'warn' | 'error'>

export function openLog(level: string): Log {
  return pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime })
}

/** What an error may say in a log or in `last_error`. */
export function faultOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown'
  const code = (error as { code?: unknown }).code
  // SQLSTATE: the message of a violated constraint names the constraint only; the detail, left out, holds the values.
  return typeof code === 'string'
    ? `${error.name} ${code}: ${firstLine(error.message)}`
    : `${error.name}: ${firstLine(error.message)}`
}

const LINE_MAX = 200
const firstLine = (text: string) => (text.split('\n')[0] ?? '').slice(0, LINE_MAX)
