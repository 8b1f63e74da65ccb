import { err, ok, type Result } from '../protocol/result.ts'
import type { RemoteFailure } from './score.ts'

/** `application/json`, with or without parameters (RFC 9110 §8.3.1). */
const JSON_TYPE = /^application\/json[ \t]*(?:;|$)/i

const invalid = (what: Extract<RemoteFailure, { reason: 'invalid_answer' }>['what']) =>
  err<RemoteFailure>({ reason: 'invalid_answer', what })

/**
 * Reads a JSON answer and never holds more of it than `bytesMax`. The bytes are counted as they come out of the stream,
 * after decompression: what a server declares is not believed.
 *
 * @throws whatever the stream throws when the connection breaks
 */
export async function readJson(response: Response, bytesMax: number): Promise<Result<unknown, RemoteFailure>> {
  if (!JSON_TYPE.test(response.headers.get('content-type') ?? '')) {
    await discard(response)
    return invalid('content_type')
  }
  // RFC 8259 §8.1: UTF-8 without a byte order mark. Bytes that are no UTF-8 are no text to guess at.
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  const reader = response.body?.getReader()
  let text = ''
  let length = 0
  for (;;) {
    const chunk: { done: boolean; value?: Uint8Array | undefined } = reader ? await reader.read() : { done: true }
    length += chunk.value?.length ?? 0
    if (length > bytesMax) {
      await reader?.cancel()
      return invalid('too_large')
    }
    try {
      text += decoder.decode(chunk.value, { stream: !chunk.done })
      if (chunk.done) return ok(JSON.parse(text) as unknown)
    } catch {
      await reader?.cancel()
      return invalid('not_json')
    }
  }
}

/** Gives up the rest of an answer: a body that nobody reads holds its connection. */
export async function discard(response: Response): Promise<void> {
  await response.body?.cancel()
}
