import type { GatewayConfig } from '../config.ts'

/**
 * Who brings a message to a telephone: an HTTPS gateway of the operator's. `POST` of `{to, text, id}` as JSON with a bearer token; `id`
 * is the same for the same message, so that the gateway can leave out what it has. What it must answer says docs/codes.md.
 */
export interface CodeSender {
  /**
   * @returns `refused` when it will never take this message
   * @throws when nobody knows, or it asks to try again later
   */
  send(message: CodeMessage): Promise<'taken' | 'refused'>
}

export interface CodeMessage {
  /** E.164. */
  readonly to: string
  readonly text: string
  readonly id: string
}

/** The gateway's answer says to try again. The message names the status alone: bodies may repeat the number. */
export class GatewayBusy extends Error {
  override name = 'GatewayBusy'

  constructor(status: number) {
    super(`the gateway answered ${status}`)
  }
}

/** Below the lease of what is being sent. */
const TIMEOUT_MS = 10_000

export function openGateway(config: GatewayConfig, fetch: typeof globalThis.fetch): CodeSender {
  const { gatewayUrl, gatewayToken } = config
  return {
    async send(message) {
      const response = await fetch(gatewayUrl, {
        method: 'POST',
        // A number must not go wherever an answer points.
        redirect: 'error',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${gatewayToken}` },
        body: JSON.stringify(message),
        signal: AbortSignal.timeout(TIMEOUT_MS),
      })
      await response.body?.cancel()
      if (response.ok) return 'taken'
      const isFinal = response.status >= 400 && response.status < 500 && !AGAIN.has(response.status)
      if (isFinal) return 'refused'
      throw new GatewayBusy(response.status)
    },
  }
}

const AGAIN: ReadonlySet<number> = new Set([408, 429])
