import * as z from 'zod'
import { SERVICE_HEADER, signServiceCall } from '../../src/crypto/hmac.ts'
import { type Confirmation, encodeConfirmations } from '../../src/protocol/confirmations.ts'
import type { Country } from '../../src/protocol/policy.ts'

/** What the edge answers for each device of a call. */
export type DeviceAnswer = 'confirmed' | 'unknown_device' | 'malformed' | 'retry'

export interface Edge {
  /** @throws when the call as a whole did not succeed; then nothing is known about any of it */
  confirm(confirmations: readonly Confirmation[]): Promise<ReadonlyMap<string, DeviceAnswer>>
  /**
   * @returns that version of a country's policy as the edge says that it signed it, or undefined when it does not know it
   * @throws when it does not answer
   */
  policy(country: Country, version: number): Promise<Uint8Array | undefined>
}

/** The edge refused the call itself. */
export class EdgeRefused extends Error {
  override name = 'EdgeRefused'
  readonly status: number

  constructor(status: number) {
    super(`the edge answered ${status}`)
    this.status = status
  }
}

/** Well below the lease of what is being sent, so that no late call meets its own repetition. */
const CALL_TIMEOUT_MS = 15_000
const answer = z.object({
  devices: z.record(z.string(), z.enum(['confirmed', 'unknown_device', 'malformed', 'retry'])),
})

export function openEdge(
  edgeUrl: string,
  hmacKey: CryptoKey,
  fetch: typeof globalThis.fetch,
  clock: () => number,
): Edge {
  const call = async (method: 'GET' | 'POST', path: string, body: Uint8Array): Promise<Response> => {
    const url = new URL(path, edgeUrl)
    const signed = { method, path: url.pathname + url.search, body }
    return fetch(url, {
      method,
      headers: {
        'content-type': 'application/cbor',
        [SERVICE_HEADER]: await signServiceCall(hmacKey, signed, clock()),
      },
      ...(method === 'POST' && { body: body as BodyInit }),
      signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
    })
  }
  return {
    async confirm(confirmations) {
      const response = await accepted(await call('POST', '/internal/outcomes', encodeConfirmations(confirmations)))
      return new Map(Object.entries(answer.parse(await response.json()).devices))
    },
    async policy(country, version) {
      const response = await call('GET', `/internal/policies/${country}/${version}`, new Uint8Array())
      if (response.status === 404) {
        await response.body?.cancel()
        return undefined
      }
      return new Uint8Array(await (await accepted(response)).arrayBuffer())
    },
  }
}

async function accepted(response: Response): Promise<Response> {
  if (response.ok) return response
  await response.body?.cancel()
  throw new EdgeRefused(response.status)
}
