import { MalformedCbor } from './cbor-value.ts'
import { err, ok, type Result } from './result.ts'

/**
 * Runs a reader of bytes that somebody else has written: that they are malformed is an expected refusal.
 *
 * @returns as the error what is malformed, which names the field; every other exception is a bug and passes
 */
export function parse<T>(read: () => T): Result<T, MalformedCbor> {
  try {
    return ok(read())
  } catch (error) {
    if (error instanceof MalformedCbor) return err(error)
    throw error
  }
}
