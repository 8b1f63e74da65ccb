import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { parseConfig } from '../../../reconciler/config.ts'
import { openLog } from '../../../reconciler/log.ts'
import { openReconciler } from '../../../reconciler/run.ts'
import { throughWire, type World } from '../kit.ts'

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

/**
 * One round of a reconciler that dies at a message to Postgres. What it had not acknowledged comes again, and its leases
 * are over.
 *
 * @returns whether it died: with a message past its last one it did not
 */
export async function roundWithCut(world: World, message: number, how: 'before' | 'after') {
  const wire = await cuttableWire(world.env['RECORD_DATABASE_URL'] ?? '')
  wire.cutAt(message, how)
  const around = { fetch: world.network.fetch, clock: () => world.now, random: () => 0.5, log: openLog('silent') }
  const doomed = await openReconciler(parseConfig(throughWire(world.env, wire.url)), around)
  await doomed.once().catch(() => undefined)
  const { dead } = wire
  await wire.close()
  await doomed.close().catch(() => undefined)
  world.network.redeliver()
  world.now += 61_000
  return dead
}
