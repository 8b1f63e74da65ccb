/**
 * Structured logs: one JSON object a line, for people and machines. Device ids, bundle ids and request ids are what
 * finds a fault; wallet ids, phone numbers, tokens and bodies never go in. What an exception says is not ours to choose,
 * so its message is masked.
 */
type Fields = Readonly<Record<string, unknown>>

function write(level: 'info' | 'warn' | 'error', message: string, fields: Fields): void {
  const safe = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, readable(value)]))
  console[level](JSON.stringify({ level, message, ...safe }))
}

function readable(value: unknown): unknown {
  return value instanceof Error ? { name: value.name, message: maskText(value.message) } : value
}

const MESSAGE_CHARS_MAX = 500

/**
 * Takes out of a text whatever may come from a request: parsers quote what they could not read, databases their
 * parameters. Words of letters stay, so that one can still see what went wrong.
 */
export function maskText(text: string): string {
  return text
    .slice(0, MESSAGE_CHARS_MAX)
    .replace(/"[^"]*"?|'[^']*'?|`[^`]*`?/g, '"…"')
    .replace(/\+?\d[\d ().-]{5,}\d/g, '…')
    .replace(/[A-Za-z0-9+/=_.@-]*(?:\d[A-Za-z0-9+/=_.@-]*){4,}/g, '…')
    .replace(/[A-Za-z0-9+/=_.-]{40,}/g, '…')
}

export const logger = {
  info: (message: string, fields: Fields = {}) => write('info', message, fields),
  warn: (message: string, fields: Fields = {}) => write('warn', message, fields),
  error: (message: string, fields: Fields = {}) => write('error', message, fields),
}
