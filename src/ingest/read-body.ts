import { err, ok, type Result } from '../protocol/result.ts'
import type { Refusal } from './refusal.ts'

/** How long a body may take. 64 KiB over the slowest GPRS (10 kbit/s) take 52 s; a sender that drips holds us no longer. */
const BODY_MS_MAX = 60_000

/**
 * Reads a request's body and never holds more of it than `bytesMax`: a declared length is refused before a byte is read,
 * an undeclared or wrong one as soon as it is exceeded. The declaration is not believed otherwise.
 */
export async function readBody(
  request: Request,
  bytesMax: number,
  timeoutMs = BODY_MS_MAX,
): Promise<Result<Uint8Array, Refusal>> {
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > bytesMax) return err({ code: 'bundle_too_large' })
  if (request.body === null) return ok(new Uint8Array())
  const reader = (request.body as ReadableStream<Uint8Array>).getReader()
  const { promise: late, resolve } = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => resolve('late'), timeoutMs)
  try {
    const chunks: Uint8Array[] = []
    let length = 0
    for (;;) {
      const read = await Promise.race([reader.read().catch(() => 'broken' as const), late])
      if (read === 'late' || read === 'broken') return err({ code: 'body_incomplete' })
      if (read.done) return ok(joined(chunks, length))
      length += read.value.length
      if (length > bytesMax) return err({ code: 'bundle_too_large' })
      chunks.push(read.value)
    }
  } finally {
    clearTimeout(timer)
    // Whatever is still to come is not wanted; of a stream that has ended or broken nothing is.
    void reader.cancel().catch(() => undefined)
  }
}

function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  if (chunks.length === 1 && chunks[0]) return chunks[0]
  const body = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.length
  }
  return body
}
