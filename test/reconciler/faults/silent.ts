import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

/**
 * A wire to Postgres that can fall silent: connections stay open, and what either side sends vanishes, as behind a
 * router that forgot them. What was on its way then never arrives, also after the wire is back.
 */
export async function silentWire(databaseUrl: string) {
  const target = new URL(databaseUrl)
  const state = { silent: false, swallowed: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = connect(Number(target.port), target.hostname)
    const pass = (from: Socket, to: Socket) => {
      sockets.add(from)
      from.on('error', () => undefined)
      from.on('data', (chunk) => {
        if (state.silent) state.swallowed += 1
        else to.write(chunk)
      })
      from.on('close', () => {
        sockets.delete(from)
        // Nobody hears of it while the wire is silent.
        if (!state.silent) to.destroy()
      })
    }
    pass(client, upstream)
    pass(upstream, client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(databaseUrl)
  url.port = String((server.address() as AddressInfo).port)
  return {
    url: url.href,
    state,
    close: () =>
      new Promise<void>((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
