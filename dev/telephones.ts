import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

/** What came to a telephone. */
export interface DevText {
  readonly to: string
  readonly text: string
}

/** The gateway that brings codes to telephones (docs/codes.md), as whoever tries it here reads them. */
export interface DevTelephones {
  /** The reconciler's settings. */
  readonly vars: { readonly CONSENT_CODE_URL: string; readonly CONSENT_CODE_TOKEN: string }
  /** The code that came for a request of a device, as its holder reads it; undefined: none has come. */
  codeFor(deviceId: string, no: number): string | undefined
  close(): Promise<void>
}

/** @param came told of each message once, however often it is sent */
export async function startDevTelephones(came: (text: DevText) => void): Promise<DevTelephones> {
  const token = randomBytes(16).toString('base64url')
  const seen = new Map<string, string>()
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += String(chunk)
    if (request.headers.authorization !== `Bearer ${token}`) return void response.writeHead(401).end()
    const { to, text, id } = JSON.parse(body) as DevText & { readonly id: string }
    if (!seen.has(id)) came({ to, text })
    seen.set(id, text)
    response.writeHead(202).end()
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    codeFor: (deviceId, no) => /\d{8}$/.exec(seen.get(`${deviceId}/${no}`) ?? '')?.[0],
    vars: { CONSENT_CODE_URL: `http://127.0.0.1:${port}/`, CONSENT_CODE_TOKEN: token },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}
