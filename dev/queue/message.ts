/** A message as the broker keeps it: its body already in the form that a pull answers with. */
export interface StoredBody {
  readonly contentType: 'text' | 'json' | 'bytes'
  /** Plain for `text`; base64 (RFC 4648 §4) for `json` and `bytes`, as the pull API answers. */
  readonly body: string
  /** Size before base64: what the backlog metric counts. */
  readonly size: number
}

export interface IncomingMessage extends StoredBody {
  readonly id: string
  readonly timestampMs: number
  readonly delayMs: number
}

/** A message as a pull answers it; the names are those of the real API. */
export interface PulledMessage {
  readonly id: string
  readonly body: string
  readonly timestamp_ms: number
  readonly attempts: number
  readonly lease_id: string
  readonly metadata: { readonly 'CF-Content-Type': string; readonly 'CF-sourceMessageSource': string }
}

const utf8 = new TextEncoder()

/**
 * The stored form of what a local push consumer is handed. A consumer is not told the content type, so it is read off
 * the value: a string was `text`, bytes were `bytes`, everything else is `json`. A string sent as `json` therefore
 * arrives as `text`; and a `v8` message looks like `json`, where production could not have been pulled at all.
 */
export function storedBody(value: unknown): StoredBody {
  if (typeof value === 'string') return textBody(value)
  if (value instanceof ArrayBuffer) return bytesBody(new Uint8Array(value))
  if (ArrayBuffer.isView(value)) return bytesBody(new Uint8Array(value.buffer, value.byteOffset, value.byteLength))
  return jsonBody(value)
}

export function textBody(text: string): StoredBody {
  return { contentType: 'text', body: text, size: utf8.encode(text).length }
}

export function jsonBody(value: unknown): StoredBody {
  const bytes = utf8.encode(JSON.stringify(value))
  return { contentType: 'json', body: base64(bytes), size: bytes.length }
}

function bytesBody(bytes: Uint8Array): StoredBody {
  return { contentType: 'bytes', body: base64(bytes), size: bytes.length }
}

function base64(bytes: Uint8Array): string {
  let binary = ''
  // In pieces: spreading a whole message into one call would overflow the stack.
  for (let at = 0; at < bytes.length; at += 0x2000) binary += String.fromCharCode(...bytes.subarray(at, at + 0x2000))
  return btoa(binary)
}
