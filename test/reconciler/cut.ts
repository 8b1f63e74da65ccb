import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * A wire to Postgres that breaks for good at a chosen message of the client: to the server it is a process that died
 * there. `before` loses the message; `after` lets the server carry it out and loses the answer.
 */
export async function cuttableWire(databaseUrl: string) {
  const target = new URL(databaseUrl)
  const sockets = new Set<Socket>()
  let left = Number.POSITIVE_INFINITY
  let mode: 'before' | 'after' = 'before'
  let dead = false
  let count = 0

  const die = () => {
    dead = true
    for (const socket of sockets) socket.destroy()
  }
  const server = createServer((client) => {
    if (dead) return void client.destroy()
    const upstream = connect(Number(target.port), target.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', (chunk) => {
      count += 1
      left -= 1
      if (left === 0 && mode === 'before') return die()
      upstream.write(chunk)
      if (left === 0) {
        // The answer proves that the server has done it.
        upstream.removeAllListeners('data')
        upstream.once('data', die)
      }
    })
    upstream.on('data', (chunk) => client.write(chunk))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(databaseUrl)
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    /** Whether it broke. */
    get dead() {
      return dead
    },
    get messages() {
      return count
    },
    cutAt(message: number, how: 'before' | 'after') {
      left = message
      mode = how
    },
    close: () =>
      new Promise<void>((resolve) => {
        die()
        server.close(() => resolve())
      }),
  }
}
