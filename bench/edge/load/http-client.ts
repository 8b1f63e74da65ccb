import { connect, type Socket } from 'node:net'

/**
 * HTTP/1.1 over kept connections, one request at a time each: as little work for the processor that workerd shares as
 * can be. It takes answers with a Content-Length, which are all that are asked for here.
 */
export interface Answer {
  readonly status: number
  readonly body: Buffer
}

const HEAD_END = Buffer.from('\r\n\r\n')

export class HttpClient {
  readonly #port: number
  readonly #idle: Connection[] = []
  readonly #all = new Set<Connection>()

  constructor(port: number) {
    this.#port = port
  }

  /** @param request the whole request as bytes */
  async send(request: Uint8Array): Promise<Answer> {
    const connection = this.#idle.pop() ?? new Connection(this.#port)
    this.#all.add(connection)
    const answer = await connection.send(request)
    this.#idle.push(connection)
    return answer
  }

  close(): void {
    for (const connection of this.#all) connection.close()
  }
}

class Connection {
  readonly #socket: Socket
  #received: Buffer = Buffer.alloc(0)
  #done: ((answer: Answer) => void) | undefined
  #failed: ((error: Error) => void) | undefined

  constructor(port: number) {
    this.#socket = connect({ port, host: '127.0.0.1', noDelay: true })
    this.#socket.on('data', (chunk) => this.#receive(chunk))
    this.#socket.on('error', (error) => this.#failed?.(error))
    this.#socket.on('close', () => this.#failed?.(new Error('connection closed')))
  }

  send(request: Uint8Array): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#done = resolve
      this.#failed = reject
      this.#socket.write(request)
    })
  }

  close(): void {
    this.#failed = undefined
    this.#socket.destroy()
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length === 0 ? chunk : Buffer.concat([this.#received, chunk])
    const headEnd = this.#received.indexOf(HEAD_END)
    if (headEnd < 0) return
    const head = this.#received.toString('latin1', 0, headEnd)
    const status = Number(head.slice(9, 12))
    const length = Number(/\r\ncontent-length: *(\d+)/i.exec(head)?.[1] ?? (status === 204 ? 0 : Number.NaN))
    if (Number.isNaN(length)) {
      this.#failed?.(new Error(`an answer without Content-Length: ${head}`))
      return
    }
    const end = headEnd + HEAD_END.length + length
    if (this.#received.length < end) return
    const body = Buffer.from(this.#received.subarray(headEnd + HEAD_END.length, end))
    this.#received = this.#received.subarray(end)
    this.#done?.({ status, body })
  }
}
