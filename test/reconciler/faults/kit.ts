import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect } from 'vitest'
import type { Log } from '../../../reconciler/log.ts'
import { type Verification, verifyBook } from '../../../reconciler/verify/verify.ts'
import { evidenceOf, type World } from '../kit.ts'
import type { Database } from '../open-database.ts'

/** Every invariant of the book, every bundle opened; nothing is left waiting. */
export async function expectSound(database: Database, world: World): Promise<Verification> {
  const evidence = await evidenceOf(world)
  const verification = await verifyBook({ pool: database.app, evidence, examplesMax: 5, onProgress: () => undefined })
  expect(verification.findings.filter(({ found }) => found > 0)).toEqual([])
  return verification
}

/** A log that keeps what went wrong. */
export function keepingLog(): Log & { readonly complaints: string[] } {
  const complaints: string[] = []
  const complain = (fields: unknown, message?: string) => {
    complaints.push(`${message ?? ''} ${JSON.stringify(fields)}`)
  }
  const nothing = () => undefined
  return { debug: nothing, info: nothing, warn: complain, error: complain, complaints } as never
}

/** Deadlocks that the server has seen in this database. */
export async function deadlocks({ owner }: Database): Promise<number> {
  // Sessions report their counts when they end a transaction, at most once a second.
  await owner.query('SELECT pg_stat_force_next_flush()')
  const { rows } = await owner.query('SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()')
  return Number(rows[0].deadlocks)
}

/**
 * A wire to Postgres that cuts single connections: each one that says COMMIT while `armed`, before the server hears it or
 * after it has answered. The process lives on and connects again.
 */
export async function commitCuttingWire(databaseUrl: string) {
  const target = new URL(databaseUrl)
  const state = { armed: undefined as 'before' | 'after' | undefined, cuts: 0 }
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
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
      if (state.armed === undefined || !chunk.includes('COMMIT')) return void upstream.write(chunk)
      state.cuts += 1
      if (state.armed === 'before') return void client.destroy()
      upstream.removeAllListeners('data')
      upstream.once('data', () => client.destroy())
      upstream.write(chunk)
    })
    upstream.on('data', (chunk) => client.write(chunk))
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
