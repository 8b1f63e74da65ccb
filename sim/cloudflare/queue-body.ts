import { deserialize, serialize } from 'node:v8'
import { type StoredBody, storedBody } from '../../dev/queue/message.ts'

/** How a body travels. `bytes` can be pulled over HTTP, `v8` can only be pushed to a consumer. */
export type ContentType = 'bytes' | 'v8'

/** https://developers.cloudflare.com/queues/platform/limits/: bytes of a message, and of a batch that is sent. */
const MESSAGE_BYTES_MAX = 128_000
export const BATCH_BYTES_MAX = 256_000

/** A body as the queue keeps it: a copy, whatever its sender does with the original. */
export interface KeptBody {
  readonly contentType: ContentType
  readonly bytes: Uint8Array
}

/** @throws RangeError when it is too large; TypeError when it is not of its type; DataCloneError */
export function keptBody(value: unknown, contentType: string | undefined): KeptBody {
  const bytes = encoded(value, contentType)
  if (bytes.length > MESSAGE_BYTES_MAX)
    throw new RangeError(`message length of ${bytes.length} bytes exceeds the limit`)
  return { contentType: contentType as ContentType, bytes }
}

function encoded(value: unknown, contentType: string | undefined): Uint8Array {
  if (contentType === 'v8') return serialize(value)
  if (contentType !== 'bytes') throw new TypeError(`content type ${contentType} is not used here`)
  if (value instanceof ArrayBuffer) return new Uint8Array(value.slice(0))
  if (ArrayBuffer.isView(value)) return new Uint8Array(value.buffer, value.byteOffset, value.byteLength).slice()
  throw new TypeError('bytes are an ArrayBuffer or a view of one')
}

/** As a consumer of the Worker is handed it: anew each time. */
export const pushedBody = ({ contentType, bytes }: KeptBody): unknown =>
  contentType === 'v8' ? deserialize(bytes) : bytes.slice().buffer

/** As a pull answers it. @throws TypeError for what cannot be pulled */
export function pulledBody({ contentType, bytes }: KeptBody): StoredBody {
  if (contentType !== 'bytes') throw new TypeError('a v8 message cannot be pulled')
  return storedBody(bytes)
}
