import { connect, createServer, type Server, type Socket } from 'node:net'
import { DelayLine, type LineClock } from './delay-line.ts'

/** What the link between a client and a server is like; may be changed at any time. */
export interface LinkConditions {
  /**
   * `down`: connections break and new ones are reset. `silent`: what is sent vanishes and nothing comes back, as at the
   * edge of a radio cell; only the client's own deadline ends it.
   */
  readonly state: 'up' | 'down' | 'silent'
  /** Added to every round trip, half of it each way. */
  readonly roundTripMs: number
  /** In each direction, shared by all connections. */
  readonly bytesPerSecond?: number | undefined
  readonly cut?: Cut | undefined
}

/**
 * Breaks the connection of an exchange (a request and its answer; a connection can carry many):
 * every Nth, or each with a probability.
 */
type Cut = {
  /** `request`: the server sees nothing of it. `answer`: the server did its work, the client never learns. */
  readonly lose: 'request' | 'answer'
} & ({ readonly every: number } | { readonly probability: number })

export interface FaultProxy {
  readonly port: number
  /** For clients of HTTP. */
  readonly url: string
  readonly counts: { exchanges: number; lostRequests: number; lostAnswers: number }
  /** What the client has sent, lost or not, and what was sent on to it. */
  readonly bytes: { fromClient: number; toClient: number }
  /** Changes what is named and leaves the rest. Connections made under another `state` break. */
  set(conditions: Partial<LinkConditions>): void
  close(): Promise<void>
}

export interface FaultProxyOptions {
  readonly target: { readonly host?: string; readonly port: number }
  readonly port?: number
  readonly conditions?: Partial<LinkConditions>
  /** Decides the cuts that have a probability; pass a seeded one. */
  readonly random: () => number
}

/** More than this under way, and the sender is made to wait, as a real link does. */
const UNDER_WAY_BYTES_MAX = 256 * 1024

/**
 * A bad network: a TCP proxy, so that it stands as well in front of Postgres as of HTTP.
 * @example await startFaultProxy({ target: { port: 8787 }, conditions: { roundTripMs: 300 }, random: seededRandom(1) })
 */
export async function startFaultProxy({
  target,
  port = 0,
  conditions,
  random,
}: FaultProxyOptions): Promise<FaultProxy> {
  let link: LinkConditions = { state: 'up', roundTripMs: 0, ...conditions }
  const counts = { exchanges: 0, lostRequests: 0, lostAnswers: 0 }
  const bytes = { fromClient: 0, toClient: 0 }
  const sockets = new Set<Socket>()
  const lines = { toServer: { freeAtMs: 0 }, toClient: { freeAtMs: 0 } }

  const lost = (): Cut['lose'] | undefined => {
    counts.exchanges++
    const { cut } = link
    if (cut === undefined) return undefined
    const hit = 'every' in cut ? counts.exchanges % cut.every === 0 : random() < cut.probability
    if (hit) counts[cut.lose === 'request' ? 'lostRequests' : 'lostAnswers']++
    return hit ? cut.lose : undefined
  }

  const server = createServer({ allowHalfOpen: true }, (client) => {
    sockets.add(client.on('error', () => client.destroy()).on('close', () => sockets.delete(client)))
    if (link.state === 'down') client.resetAndDestroy()
    else if (link.state === 'silent') client.resume()
    else carry(client, target, () => link, lines, bytes, lost)
  })
  await listen(server, port)
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port')
  return {
    port: address.port,
    url: `http://127.0.0.1:${address.port}`,
    counts,
    bytes,
    set(change) {
      const changed = change.state !== undefined && change.state !== link.state
      link = { ...link, ...change }
      if (changed) for (const socket of sockets) socket.resetAndDestroy()
    },
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

function carry(
  client: Socket,
  target: { readonly host?: string; readonly port: number },
  link: () => LinkConditions,
  lines: { readonly toServer: LineClock; readonly toClient: LineClock },
  count: FaultProxy['bytes'],
  lost: () => Cut['lose'] | undefined,
): void {
  const server = connect({ host: target.host ?? '127.0.0.1', port: target.port, allowHalfOpen: true, noDelay: true })
  client.setNoDelay(true)
  const line = () => ({ delayMs: link().roundTripMs / 2, bytesPerSecond: link().bytesPerSecond })
  const toServer = new DelayLine(line, lines.toServer, (bytes) => server.write(bytes))
  const toClient = new DelayLine(line, lines.toClient, (bytes) => client.write(bytes))

  const breakOff = () => {
    toServer.close()
    toClient.close()
    server.destroy()
    // A reset, not an orderly end: an answer without a length would look complete to the client.
    client.resetAndDestroy()
  }
  let answered = true
  let losing: Cut['lose'] | undefined
  client.on('data', (bytes) => {
    // The first bytes after an answer, or of the connection, begin an exchange.
    if (answered) losing = lost()
    answered = false
    count.fromClient += bytes.length
    if (losing === 'request') return breakOff()
    toServer.send(bytes)
    throttle(client, toServer)
  })
  server.on('data', (bytes) => {
    answered = true
    if (losing === 'answer') return breakOff()
    count.toClient += bytes.length
    toClient.send(bytes)
    throttle(server, toClient)
  })
  client.on('end', () => toServer.after(() => server.end())).on('close', breakOff)
  server
    .on('end', () => toClient.after(() => client.end()))
    .on('error', breakOff)
    .on('close', () => toClient.after(() => client.destroy()))
}

function throttle(source: Socket, line: DelayLine): void {
  if (line.pending <= UNDER_WAY_BYTES_MAX || source.isPaused()) return
  source.pause()
  line.after(() => source.resume())
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve)
  })
}
