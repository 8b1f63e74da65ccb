import { SimulatedRequest } from '../http/messages.ts'

/**
 * A request as the Worker's runtime hands it on: its length is declared, and its body has the runtime's own reader
 * (`readAtLeast`), which Node's has not.
 */
export async function received(request: Request): Promise<Request> {
  const { url, method, headers } = request
  if (request.body === null) return request
  const body = new Uint8Array(await request.arrayBuffer())
  const whole = new SimulatedRequest(url, { method, headers, body })
  whole.headers.set('content-length', String(body.length))
  return whole as unknown as Request
}
