import { importHmacKey, SERVICE_HEADER, signServiceCall } from '../../../src/crypto/hmac.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import { encodeCbor, joinLists } from '../../../src/protocol/cbor.ts'
import type { HttpClient } from './http-client.ts'

/** Plays the reconciler's part at the edge: confirms what was pushed. A large call would hold up the pushes beside it. */
const PER_CALL_MAX = 25
/** How long a bundle waits for others to be confirmed with. */
const WAIT_MS = 100
const PATH = '/internal/outcomes'

/** What a call says of one bundle's device (src/protocol/confirmations.ts). */
export interface Confirmations {
  readonly deviceId: string
  /** An encoded list. */
  readonly own: Uint8Array
}

interface Waiting {
  readonly confirmations: Confirmations
  readonly dueMs: number
}

export class Confirmer {
  readonly #client: HttpClient
  readonly #key: Promise<CryptoKey>
  readonly #calls: Promise<void>[] = []
  #waiting: Waiting[] = []
  #timer: NodeJS.Timeout | undefined
  unconfirmed = 0
  /** From when each push was due until the edge held its outcomes. */
  readonly toldMs: number[] = []

  constructor(client: HttpClient, hmacSecret: string) {
    this.#client = client
    this.#key = importHmacKey(fromBase64url(hmacSecret))
  }

  /** @param dueMs when the push was due, by `performance.now()` */
  add(confirmations: Confirmations, dueMs: number): void {
    this.#waiting.push({ confirmations, dueMs })
    if (this.#waiting.length >= PER_CALL_MAX) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), WAIT_MS)
  }

  async drained(): Promise<void> {
    this.#flush()
    await Promise.all(this.#calls)
  }

  #flush(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    if (this.#waiting.length === 0) return
    this.#calls.push(this.#call(this.#waiting))
    this.#waiting = []
  }

  async #call(waiting: readonly Waiting[]): Promise<void> {
    const byDevice = Map.groupBy(waiting, ({ confirmations }) => confirmations.deviceId)
    const body = encodeCbor(
      new Map(
        [...byDevice].map(([id, all]) => [id, joinLists(all.map(({ confirmations }) => confirmations.own)).bytes]),
      ),
    )
    const header = await signServiceCall(await this.#key, { method: 'POST', path: PATH, body }, Date.now())
    const head = [
      `POST ${PATH} HTTP/1.1`,
      'Host: edge.bench',
      'Content-Type: application/cbor',
      `${SERVICE_HEADER}: ${header}`,
      `Content-Length: ${body.length}`,
    ]
    const answer = await this.#client.send(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), body]))
    if (answer.status !== 200) throw new Error(`outcomes: ${answer.status} ${answer.body}`)
    const { devices } = JSON.parse(answer.body.toString()) as { devices: Record<string, string> }
    for (const { dueMs } of waiting) this.toldMs.push(performance.now() - dueMs)
    this.unconfirmed += Object.values(devices).filter((said) => said !== 'confirmed').length
  }
}
