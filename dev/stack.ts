import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { migrate } from '../reconciler/migrate.ts'
import { type DevIssuer, startDevIssuer } from './issuer.ts'
import { type LoginUrls, type Postgres, startPostgres } from './postgres.ts'
import { ReconcilerProcess } from './reconciler-process.ts'
import { type DevSecrets, reconcilerSecrets } from './secrets.ts'
import { type DevSira, startDevSira } from './sira.ts'
import { Sweeps } from './sweeps.ts'
import { type DevTelephones, type DevText, startDevTelephones } from './telephones.ts'
import { type Edge, type EdgeOptions, startEdge } from './workerd.ts'

/**
 * Everything on this machine: Postgres, the issuer of people's tokens, workerd with the edge and the queue's pull API,
 * reconcilers and their verifier as processes of their own. `npm start`, the journeys and the benchmarks start it.
 */
export interface StackOptions {
  /** Where all state is kept. */
  readonly dataDir: string
  readonly secrets: DevSecrets
  /** Use these databases instead of starting a Postgres. */
  readonly database?: DatabaseUrls
  /** Ports that are taken when they are free; any others otherwise. */
  readonly ports?: { readonly edge: number; readonly queue: number; readonly issuer: number; readonly postgres: number }
  readonly reconcilers?: number
  /** Told what comes to people's telephones. */
  readonly onText?: (text: DevText) => void
  /** Postgres settings, e.g. `{ fsync: 'off' }` for tests. */
  readonly postgresSettings?: Readonly<Record<string, string>>
  /** The edge's and the queue's wrangler config, when they are not the project's own. */
  readonly configs?: NonNullable<EdgeOptions['configs']>
}

export interface DatabaseUrls extends LoginUrls {
  readonly owner: string
}

export interface Stack {
  readonly edge: Edge
  readonly issuer: DevIssuer
  /** Who scores risk; its mode makes it slow, broken or talk nonsense. */
  readonly sira: DevSira
  /** Where codes come to. */
  readonly telephones: Pick<DevTelephones, 'codeFor'>
  readonly database: DatabaseUrls
  readonly reconcilers: readonly ReconcilerProcess[]
  /** Halts settlement when the book is wrong. */
  readonly verifier: ReconcilerProcess
  startReconciler(): ReconcilerProcess
  /**
   * Kills workerd and starts it again at the same addresses on what it had stored, as after a crash; with other secrets,
   * as by a deploy.
   */
  restartEdge(secrets?: DevSecrets): Promise<void>
  /** A call to the queue's API (dev/queue): `queue('POST', 'drop')`, `queue('PUT', 'faults', {…})`. */
  queue(method: string, action: string, body?: object): Promise<unknown>
  stop(): Promise<void>
}

const SWEEP_EVERY_MS = 60_000
export const QUEUE = 'molam-settle'
/** dev/queue/wrangler.toml. */
const LOCAL = 'local'

export async function startStack(options: StackOptions): Promise<Stack> {
  const { dataDir, secrets, ports } = options
  mkdirSync(dataDir, { recursive: true })
  const stops: (() => Promise<void>)[] = []
  const stop = async () => {
    for (const end of stops.splice(0).reverse()) await end()
  }
  try {
    const postgres = options.database
      ? undefined
      : await startPostgres({
          dataDir: join(dataDir, 'postgres'),
          port: await freeOr(ports?.postgres),
          ...(options.postgresSettings && { settings: options.postgresSettings }),
        })
    if (postgres) stops.push(() => postgres.stop())
    const database = options.database ?? urlsOf(postgres)
    await migrate(database.owner)

    const issuer = await startDevIssuer(join(dataDir, 'issuer.json'), await freeOr(ports?.issuer))
    stops.push(() => issuer.close())
    const sira = await startDevSira()
    stops.push(() => sira.close())
    const telephones = await startDevTelephones(options.onText ?? (() => undefined))
    stops.push(() => telephones.close())
    const risk = { ...sira.vars, RISK_PSEUDONYM_KEY: randomBytes(32).toString('base64url') }
    const edgeAt = (port: number, queuePort: number, { CONSENT_CODE_KEY: _, ...keys }: DevSecrets) =>
      startEdge({
        persistTo: join(dataDir, 'edge'),
        port,
        queuePort,
        vars: { ...keys, ...issuer.vars, ...risk, ENVIRONMENT: 'development' },
        ...(options.configs && { configs: options.configs }),
      })
    let edge = await edgeAt(await freeOr(ports?.edge), await freeOr(ports?.queue), secrets)
    stops.push(() => edge.dispose())
    const sweeps = new Sweeps(() => edge.runScheduled(), SWEEP_EVERY_MS)
    stops.push(() => sweeps.pause())
    const restartEdge = async (keys = secrets) => {
      await sweeps.pause()
      await edge.dispose()
      edge = await edgeAt(Number(new URL(edge.url).port), Number(new URL(edge.queueUrl).port), keys)
      sweeps.resume()
    }

    const reconcilers: ReconcilerProcess[] = []
    stops.push(async () => {
      await Promise.all(reconcilers.map((reconciler) => reconciler.stop()))
    })
    const env = {
      RECORD_DATABASE_URL: database.record,
      SETTLE_DATABASE_URL: database.settle,
      READ_DATABASE_URL: database.read,
      QUEUE_API_URL: `${edge.queueUrl}/client/v4`,
      CF_ACCOUNT_ID: LOCAL,
      QUEUE_ID: QUEUE,
      DLQ_ID: `${QUEUE}-dlq`,
      QUEUE_TOKEN: LOCAL,
      QUEUE_POLL_MS: '50',
      EDGE_URL: edge.url,
      ...(await reconcilerSecrets(secrets)),
      ...telephones.vars,
      ENVIRONMENT: 'development',
      ...risk,
    }
    const startReconciler = () => {
      const log = join(dataDir, `reconciler-${reconcilers.length + 1}.log`)
      const reconciler = new ReconcilerProcess(env, log)
      reconcilers.push(reconciler)
      return reconciler
    }
    for (let i = 0; i < (options.reconcilers ?? 1); i++) startReconciler()
    // With no more than it needs: it cannot write, nor reach queue or edge.
    const { READ_DATABASE_URL, EDGE_KEYS, KEY_WRAPPING_SECRET, CONSENT_CODE_KEY } = env
    const verifier = new ReconcilerProcess(
      { READ_DATABASE_URL, EDGE_KEYS, KEY_WRAPPING_SECRET, CONSENT_CODE_KEY },
      join(dataDir, 'verifier.log'),
      'verifier',
    )
    stops.push(() => verifier.stop())

    const queue = async (method: string, action: string, body?: object): Promise<unknown> => {
      const url = `${edge.queueUrl}/dev/queues/${QUEUE}/${action}`
      const headers = { authorization: `Bearer ${LOCAL}` }
      const answer = await fetch(url, { method, headers, ...(body && { body: JSON.stringify(body) }) })
      if (!answer.ok) throw new Error(`queue ${action}: ${answer.status} ${await answer.text()}`)
      return ((await answer.json()) as { result: unknown }).result
    }
    return {
      get edge() {
        return edge
      },
      ...{ issuer, sira, telephones, database, reconcilers, verifier, startReconciler, restartEdge, queue, stop },
    }
  } catch (error) {
    await stop()
    throw error
  }
}

function urlsOf(postgres: Postgres | undefined): DatabaseUrls {
  if (postgres === undefined) throw new Error('there is no database')
  return { ...postgres.loginUrls(), owner: postgres.ownerUrl() }
}

/** @returns the port when nobody listens on it, a free one otherwise */
async function freeOr(port = 0): Promise<number> {
  const listen = (wanted: number) =>
    new Promise<number | undefined>((resolve) => {
      const server = createServer()
      server.once('error', () => resolve(undefined))
      server.listen(wanted, '127.0.0.1', () => {
        const address = server.address()
        server.close(() => resolve(typeof address === 'object' && address ? address.port : undefined))
      })
    })
  const found = (await listen(port)) ?? (await listen(0))
  if (found === undefined) throw new Error('no free port')
  return found
}
