import { protocol } from '@electric-sql/pglite'

/**
 * What is needed of the Postgres protocol between a client and a simulated server
 * (Postgres manual, chapter "Frontend/Backend Protocol"). Messages are a letter, four bytes of length, and a body.
 */
export interface SqlError {
  readonly code: string
  readonly message: string
}

const HEAD = 5

function message(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(HEAD)
  head.write(type, 0, 'latin1')
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

export const letterOf = (bytes: Uint8Array) => String.fromCharCode(bytes[0] ?? 0)

/** A simple query, which may hold several statements. */
export const simpleQuery = (sql: string): Buffer => Buffer.from(protocol.serialize.query(sql))

/** Parse, bind, describe, execute and sync in one: what a client sends for a statement with values. */
export function extendedQuery(sql: string, values: readonly (string | null)[]): Buffer {
  const { serialize } = protocol
  return Buffer.concat([
    serialize.parse({ text: sql }),
    serialize.bind({ values: [...values] }),
    serialize.describe({ type: 'P' }),
    serialize.execute({}),
    serialize.sync(),
  ])
}

/** The SQL that a batch of client messages asks for. */
export function sqlOf(batch: Buffer): string {
  if (letterOf(batch) === 'Q') return batch.toString('utf8', HEAD, batch.indexOf(0, HEAD))
  // Parse: the statement's name, then its text.
  const text = batch.indexOf(0, HEAD) + 1
  return batch.toString('utf8', text, batch.indexOf(0, text))
}

/** A batch's messages, one by one. */
export function messagesOf(batch: Buffer): Buffer[] {
  const messages: Buffer[] = []
  for (let at = 0; at < batch.length; ) {
    const end = at + 1 + batch.readUInt32BE(at + 1)
    messages.push(batch.subarray(at, end))
    at = end
  }
  return messages
}

/** Where the answers to several queries end, each with its `ready`. */
export function readyEnds(answer: Buffer): number[] {
  const ends: number[] = []
  for (let at = 0; at < answer.length; ) {
    const end = at + 1 + answer.readUInt32BE(at + 1)
    if (answer[at] === READY) ends.push(end)
    at = end
  }
  return ends
}

const READY = 0x5a

/** The same as an unnamed Parse, for a statement with a name. */
export const namedParse = (name: string, parse: Buffer): Buffer =>
  message('P', Buffer.concat([Buffer.from(name, 'latin1'), parse.subarray(HEAD)]))

/** The same as a Bind to the unnamed statement and portal. */
export const namedBind = (name: string, bind: Buffer): Buffer =>
  message('B', Buffer.concat([bind.subarray(HEAD, HEAD + 1), Buffer.from(name, 'latin1'), bind.subarray(HEAD + 1)]))

/** The first error among a server's messages, as bytes; undefined when there is none. */
export const errorIn = (answer: Buffer): Buffer | undefined =>
  messagesOf(answer).find((message) => letterOf(message) === 'E')

/** Whether the last command of an answer says that it changed rows. What only reads says `SELECT`. */
export function changedRows(answer: Buffer): boolean {
  const done = messagesOf(answer).findLast((message) => letterOf(message) === 'C')
  // The tag ends with a zero byte.
  const tag = done?.toString('latin1', HEAD, done.length - 1) ?? ''
  return !/^(SELECT|FETCH|SHOW)\b/.test(tag) && !tag.endsWith(' 0')
}

/** What a transaction is to its client: none, open, failed. */
export type Status = 'I' | 'T' | 'E'

export const ready = (status: Status): Buffer => message('Z', Buffer.from(status, 'latin1'))

/** The answer, which ends with `ready`, with another status. */
export function withStatus(answer: Buffer, status: Status): Buffer {
  answer.write(status, answer.length - 1, 'latin1')
  return answer
}

export const endsReady = (answer: Buffer) => answer[answer.length - 6] === READY

export const done = (command: string): Buffer => message('C', Buffer.from(`${command}\0`, 'latin1'))

export function error(severity: 'ERROR' | 'FATAL', { code, message: text }: SqlError): Buffer {
  return message('E', Buffer.from(`S${severity}\0V${severity}\0C${code}\0M${text}\0\0`, 'utf8'))
}

/** A server that asks for no password. */
export function welcome(processId: number): Buffer {
  const key = Buffer.alloc(8)
  key.writeUInt32BE(processId, 0)
  return Buffer.concat([message('R', Buffer.alloc(4)), message('K', key), ready('I')])
}

/** What a client asks its session to be. A startup packet has no letter: length, version, then names and values. */
export function startupSettings(packet: Uint8Array): ReadonlyMap<string, string> {
  const words = Buffer.from(packet).toString('utf8', 8).split('\0')
  const settings = new Map<string, string>()
  for (let i = 0; i + 1 < words.length && words[i] !== ''; i += 2) settings.set(words[i] ?? '', words[i + 1] ?? '')
  for (const [, name = '', value = ''] of (settings.get('options') ?? '').matchAll(/-c (\w+)=(\S+)/g)) {
    settings.set(name, value)
  }
  return settings
}
