import { err, ok, type Result } from '../protocol/result.ts'
import type { Refusal } from './refusal.ts'

/**
 * Reads a request's body and never holds more of it than `bytesMax`: a declared length is refused before a byte is read,
 * an undeclared one as soon as it is exceeded.
 */
export async function readBody(request: Request, bytesMax: number): Promise<Result<Uint8Array, Refusal>> {
  const declared = Number(request.headers.get('content-length') ?? 0)
  if (declared > bytesMax) return err({ code: 'bundle_too_large' })
  if (request.body === null) return ok(new Uint8Array())
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of request.body as unknown as AsyncIterable<Uint8Array>) {
    length += chunk.length
    // Leaving the loop cancels the stream.
    if (length > bytesMax) return err({ code: 'bundle_too_large' })
    chunks.push(chunk)
  }
  if (chunks.length === 1 && chunks[0]) return ok(chunks[0])
  const body = new Uint8Array(length)
  let at = 0
  for (const chunk of chunks) {
    body.set(chunk, at)
    at += chunk.length
  }
  return ok(body)
}
