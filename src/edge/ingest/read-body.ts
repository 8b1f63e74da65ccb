import { err, ok, type Result } from '../../protocol/result.ts'
import type { Refusal } from './refusal.ts'

/** How long a body may take. 64 KiB over the slowest GPRS (10 kbit/s) take 52 s; a sender that drips holds us no longer. */
const BODY_MS_MAX = 60_000

/** The runtime's reader: `readAtLeast` gives fewer bytes at the end of the stream only. */
interface Reader {
  readAtLeast(bytes: number, into: Uint8Array): Promise<{ readonly value?: Uint8Array }>
  cancel(): Promise<void>
}

/** Asked for at once when nobody says how long the body is. */
const CHUNK_BYTES = 16 * 1024

/**
 * Reads a request's body and never holds more of it than `bytesMax` and one: a declared length is refused before a byte
 * is read, an undeclared or wrong one as soon as it is exceeded. The declaration is not believed otherwise; it says only
 * how much to ask for at once.
 */
export async function readBody(
  request: Request,
  bytesMax: number,
  timeoutMs = BODY_MS_MAX,
): Promise<Result<Uint8Array, Refusal>> {
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > bytesMax) return err({ code: 'bundle_too_large' })
  if (request.body === null) return ok(new Uint8Array())
  const reader = request.body.getReader({ mode: 'byob' }) as unknown as Reader
  const { promise: late, resolve } = Promise.withResolvers<'late'>()
  const timer = setTimeout(() => resolve('late'), timeoutMs)
  try {
    const chunks: Uint8Array[] = []
    let length = 0
    // One more than declared, so that the end of an honest body is seen with its last byte.
    let wanted = Number.isInteger(declared) && declared > 0 ? declared + 1 : CHUNK_BYTES
    for (;;) {
      wanted = Math.min(wanted, bytesMax + 1 - length)
      const read = await Promise.race([reader.readAtLeast(wanted, new Uint8Array(wanted)).catch(() => undefined), late])
      if (read === undefined || read === 'late') return err({ code: 'body_incomplete' })
      const chunk = read.value ?? new Uint8Array()
      chunks.push(chunk)
      length += chunk.length
      if (chunk.length < wanted) return ok(joined(chunks, length))
      if (length > bytesMax) return err({ code: 'bundle_too_large' })
      wanted = CHUNK_BYTES
    }
  } finally {
    clearTimeout(timer)
    // Whatever is still to come is not wanted; of a stream that has ended or broken nothing is.
    void reader.cancel().catch(() => undefined)
  }
}

/** Copied in any case: what was read lies in a larger buffer, all of which would go wherever the body goes. */
function joined(chunks: readonly Uint8Array[], length: number): Uint8Array {
  const body = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.length
  }
  return body
}
