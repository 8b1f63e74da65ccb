/**
 * Structured logs: one JSON object a line, for people and machines. Never pass wallet ids, phone numbers, tokens or
 * bodies; device ids, bundle ids and request ids are what finds a fault.
 */
type Fields = Readonly<Record<string, unknown>>

function write(level: 'info' | 'warn' | 'error', message: string, fields: Fields): void {
  const safe = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, readable(value)]))
  console[level](JSON.stringify({ level, message, ...safe }))
}

function readable(value: unknown): unknown {
  return value instanceof Error ? { name: value.name, message: value.message } : value
}

export const logger = {
  info: (message: string, fields: Fields = {}) => write('info', message, fields),
  warn: (message: string, fields: Fields = {}) => write('warn', message, fields),
  error: (message: string, fields: Fields = {}) => write('error', message, fields),
}
