import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/** A pooler that drops startup parameters, as some do when they are told to ignore those that they do not know. */
export async function forgetfulPooler(databaseUrl: string, dropped: readonly string[]) {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        client.destroy()
        upstream.destroy()
      })
    }
    client.once('data', (startup) => {
      upstream.write(without(dropped, startup))
      client.on('data', (chunk) => upstream.write(chunk))
    })
    upstream.on('data', (chunk) => client.write(chunk))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(databaseUrl)
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}

/** StartupMessage: length, protocol version, then names and values, each ended by a zero, and a zero at the end. */
function without(dropped: readonly string[], startup: Buffer): Buffer {
  const texts = startup.subarray(8, startup.readInt32BE(0)).toString('utf8').split('\0')
  const kept = texts.flatMap((name, i) =>
    i % 2 === 0 && name !== '' && !dropped.includes(name) ? [name, texts[i + 1] ?? ''] : [],
  )
  const body = Buffer.from(`${kept.join('\0')}\0\0`)
  const head = Buffer.alloc(8)
  head.writeInt32BE(8 + body.length, 0)
  startup.copy(head, 4, 4, 8)
  return Buffer.concat([head, body])
}
