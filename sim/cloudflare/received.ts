/**
 * A request as the Worker's runtime hands it on: its length is declared, and its body has the runtime's own reader
 * (`readAtLeast`), which Node's has not.
 */
export async function received(request: Request): Promise<Request> {
  const { url, method, headers } = request
  if (request.body === null) return request
  const bytes = new Uint8Array(await request.arrayBuffer())
  const declared = new Headers(headers)
  declared.set('content-length', String(bytes.length))
  const whole = new Request(url, { method, headers: declared, body: bytes as BodyInit })
  const body = { getReader: () => readerOf(bytes) }
  return Object.defineProperty(whole, 'body', { value: body })
}

function readerOf(bytes: Uint8Array) {
  let at = 0
  return {
    async readAtLeast(least: number, into: Uint8Array) {
      const value = bytes.subarray(at, at + Math.min(least, into.length))
      at += value.length
      return { value, done: at === bytes.length }
    },
    cancel: async () => undefined,
  }
}
