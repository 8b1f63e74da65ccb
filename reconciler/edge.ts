import * as z from 'zod'
import { SERVICE_HEADER, signServiceCall } from '../src/crypto/hmac.ts'
import { type Confirmation, encodeConfirmations } from '../src/protocol/confirmations.ts'

/** What the edge answers for each device of a call. */
export type DeviceAnswer = 'confirmed' | 'unknown_device' | 'retry'

export interface Edge {
  /** @throws when the call as a whole did not succeed; then nothing is known about any of it */
  confirm(confirmations: readonly Confirmation[]): Promise<ReadonlyMap<string, DeviceAnswer>>
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
const PATH = '/internal/outcomes'
const answer = z.object({ devices: z.record(z.string(), z.enum(['confirmed', 'unknown_device', 'retry'])) })

export function openEdge(
  edgeUrl: string,
  hmacKey: CryptoKey,
  fetch: typeof globalThis.fetch,
  clock: () => number,
): Edge {
  return {
    async confirm(confirmations) {
      const url = new URL(PATH, edgeUrl)
      const body = encodeConfirmations(confirmations)
      const call = { method: 'POST', path: url.pathname + url.search, body }
      const response = await fetch(url, {
        method: call.method,
        headers: {
          'content-type': 'application/cbor',
          [SERVICE_HEADER]: await signServiceCall(hmacKey, call, clock()),
        },
        body: body as BodyInit,
        signal: AbortSignal.timeout(CALL_TIMEOUT_MS),
      })
      if (!response.ok) {
        await response.body?.cancel()
        throw new EdgeRefused(response.status)
      }
      return new Map(Object.entries(answer.parse(await response.json()).devices))
    },
  }
}
