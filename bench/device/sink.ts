import type { KeyObject } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { openPlainForm } from './plain-form.ts'

export interface Sink {
  readonly port: number
  close(): void
}

/** What the plain form is pushed to: opens it, keeps nothing, and answers as shortly as a server can. */
export async function startSink(recipient: KeyObject): Promise<Sink> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const accepted = openPlainForm(Buffer.concat(chunks), recipient)
    response.setHeader('content-type', 'application/json').end(JSON.stringify({ status: 'ok', accepted }))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      server.close()
      server.closeAllConnections()
    },
  }
}
