import { DatabaseSync } from 'node:sqlite'
import { ReadModel, untilShown } from '../drain.ts'
import { makeDevices, makePushes } from '../fleet.ts'
import { median } from '../stats.ts'
import { registerAtEdge, type Subject, startEdgeSubject, type World } from '../subject.ts'
import { type Bench, pushAll, slices } from './run.ts'

/** Push and bundle status with much stored against little: does work grow with what is kept? */
export interface ScaleFigures {
  readonly small: Size
  readonly large: Size
  readonly active: number
  readonly pushRatio: number
  readonly statusRatio: number
}

interface Size {
  readonly bundles: number
  readonly devices: number
  readonly pushesPerS: number
  readonly statusesPerS: number
}

const SMALL = 1000
const ACTIVE = 1000
const STATUSES_PER_PUSH = 1

export async function measureScale(bench: Bench): Promise<ScaleFigures> {
  const { options, world, say } = bench
  const active = Math.min(ACTIVE, options.devices)
  const devices = await makeDevices(active, 'SCA')
  const pushes = await makePushes(devices, active + options.rounds * options.scalePushes, world.sealKey)
  const small = await startEdgeSubject(world, options.project)
  const large = await startEdgeSubject(world, options.project)
  const models: ReadModel[] = []
  try {
    for (const edge of [small, large]) {
      await registerAtEdge(edge, devices, world)
      models.push(new ReadModel(await edge.readModelFile()))
    }
    const take = slices(pushes)
    const warm = take(active)
    const closed = { kind: 'closed', concurrency: options.concurrency } as const
    for (const [i, edge] of [small, large].entries()) {
      await pushAll(bench, edge, warm, closed, true)
      await untilShown(models[i] as ReadModel, active)
    }
    for (const model of models) model.close()
    say(`${options.scale} stored bundles of ${options.scaleDevices} devices are filled in`)
    const ids = new Map([
      [small, fill(await small.readModelFile(), SMALL, SMALL)],
      [large, fill(await large.readModelFile(), options.scale, options.scaleDevices)],
    ])

    const rates = new Map([small, large].map((edge) => [edge, { push: [] as number[], status: [] as number[] }]))
    for (let i = 0; i < options.rounds; i++) {
      const batch = take(options.scalePushes)
      for (const edge of [small, large]) {
        const rate = rates.get(edge)
        const { seconds } = await pushAll(bench, edge, batch, closed, true)
        rate?.push.push(batch.length / seconds)
        const requests = statusRequests(ids.get(edge) ?? [], batch.length * STATUSES_PER_PUSH, world)
        const status = await bench.generator.run({ port: edge.port, requests, pace: closed })
        if (status.statuses['200'] !== requests.length) throw new Error(`status: ${JSON.stringify(status.statuses)}`)
        rate?.status.push(requests.length / status.seconds)
      }
      say(`scale, round ${i + 1}`)
    }
    const of = (edge: Subject, what: 'push' | 'status') => rates.get(edge)?.[what] ?? []
    const ratio = (what: 'push' | 'status') =>
      median(of(large, what).map((value, i) => value / (of(small, what)[i] ?? Number.NaN)))
    const size = (edge: Subject, bundles: number, count: number): Size => ({
      bundles,
      devices: count,
      pushesPerS: median(of(edge, 'push')),
      statusesPerS: median(of(edge, 'status')),
    })
    return {
      small: size(small, SMALL, SMALL),
      large: size(large, options.scale, options.scaleDevices),
      active,
      pushRatio: ratio('push'),
      statusRatio: ratio('status'),
    }
  } finally {
    await small.stop()
    await large.stop()
  }
}

/** Ids kept to ask for; more would only be more memory. */
const IDS_MAX = 20_000

/**
 * Copies real rows until this many are stored, with other ids, devices and times: what they hold is as large as in life.
 * Written beside workerd while it rests.
 *
 * @returns ids to ask for, spread over all
 */
function fill(file: string, bundles: number, devices: number): readonly string[] {
  const db = new DatabaseSync(file)
  try {
    db.exec('PRAGMA busy_timeout = 10000; PRAGMA synchronous = OFF; PRAGMA cache_size = -200000')
    const numbers = 'WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)'
    db.prepare(
      `${numbers} INSERT INTO offline_devices (device_id, tenant, country, status, alg, kid, rev, registered_at)
        SELECT 'STORED-' || i, d.tenant, d.country, d.status, d.alg, d.kid, 1, d.registered_at
        FROM n, (SELECT * FROM offline_devices LIMIT 1) d`,
    ).run(devices)
    const columns = db.prepare("SELECT name FROM pragma_table_info('offline_tx_bundles')").all() as { name: string }[]
    const value: Record<string, string> = {
      // A ULID: its first ten characters are the time, here a number that grows.
      bundle_id: "'01A' || printf('%08d', n.i) || 'ABCDEFGHJKMNPQR'",
      device_id: `'STORED-' || (n.i % ${devices} + 1)`,
      seq: `n.i / ${devices} + 1`,
      received_at: 'b.received_at - n.i',
    }
    const names = columns.map(({ name }) => name)
    db.prepare(
      `${numbers} INSERT INTO offline_tx_bundles (${names.join()})
        SELECT ${names.map((name) => value[name] ?? `b.${name}`).join()}
        FROM n, (SELECT * FROM offline_tx_bundles WHERE status = 'accepted' LIMIT 1) b`,
    ).run(bundles)
    db.exec('PRAGMA wal_checkpoint(TRUNCATE)')
    const every = Math.max(1, Math.floor(bundles / IDS_MAX))
    const rows = db
      .prepare("SELECT bundle_id FROM offline_tx_bundles WHERE device_id LIKE 'STORED-%' AND received_at % ? = 0")
      .all(every) as { bundle_id: string }[]
    return rows.map(({ bundle_id }) => bundle_id)
  } finally {
    db.close()
  }
}

function statusRequests(ids: readonly string[], count: number, { token }: World): Uint8Array[] {
  return Array.from({ length: count }, () => {
    const id = ids[Math.floor(Math.random() * ids.length)] ?? ''
    const head = [`GET /offline/bundles/${id} HTTP/1.1`, 'Host: edge.bench', `Authorization: Bearer ${token}`]
    return Buffer.from(`${head.join('\r\n')}\r\n\r\n`)
  })
}
