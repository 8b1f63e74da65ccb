import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { unstable_readConfig as readConfig, unstable_getMiniflareWorkerOptions as readWorkerOptions } from 'wrangler'
import { endChildrenWithThisProcess } from './children.ts'
import { migrateD1 } from './d1-migrations.ts'
import { bundledModules, bundleWorker } from './workerd-bundle.ts'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const CONFIGS = [join(root, 'wrangler.toml'), join(root, 'dev/queue/wrangler.toml')] as const

type Json = string | number | boolean | null | Json[] | { [key: string]: Json }

export interface EdgeOptions {
  /** The directory of all state, laid out as `wrangler dev --persist-to` does. Without it nothing outlives the process. */
  readonly persistTo?: string
  /** Of the edge and of the queue's pull API; a free one when 0 or left out. */
  readonly port?: number
  readonly queuePort?: number
  /** Laid over `vars` and `.dev.vars` of the edge's config, and of the queue's. */
  readonly vars?: Readonly<Record<string, Json>>
  readonly queueVars?: Readonly<Record<string, Json>>
  /** The edge's and the queue's wrangler config, when they are not the project's own. */
  readonly configs?: readonly [edge: string, queue: string]
  /** Whether to apply the D1 migrations that the configs name. Default true. */
  readonly migrate?: boolean
  /** Takes each line that a Worker logs. Default: warnings and errors go to stderr. */
  readonly log?: (entry: { readonly level: string; readonly message: string }) => void
}

export interface Edge {
  readonly url: string
  /** Root of the queue's API: `${queueUrl}/client/v4` is the SDK's `baseURL`. */
  readonly queueUrl: string
  /** Runs the edge's scheduled handler now, as a cron trigger would; rejects when the handler throws. */
  runScheduled(cron?: string): Promise<void>
  /** Takes a Durable Object of the edge out of memory; what it stored stays. */
  evict(className: string, object: { readonly name: string } | { readonly id: string }): Promise<void>
  /** For what only the runtime's owner can do: reading D1, listing objects, dispatching by binding. */
  readonly miniflare: Miniflare
  dispose(): Promise<void>
}

/**
 * Starts the edge Worker and the queue's pull API in one workerd, so that they share the local Queue. Callers reach
 * workerd's own sockets: there is no Node proxy in front, unlike with `wrangler dev`.
 */
export async function startEdge(options: EdgeOptions = {}): Promise<Edge> {
  endChildrenWithThisProcess()
  const configs = (options.configs ?? CONFIGS).map((path) => resolve(path)) as [string, string]
  const [edge, queue] = await Promise.all([
    workerOptions(configs[0], options.port, options.vars),
    workerOptions(configs[1], options.queuePort, options.queueVars),
  ])
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      workers: [edge, queue],
      host: '127.0.0.1',
      // Miniflare would otherwise download a sample of request.cf when it starts.
      cf: false,
      telemetry: { enabled: false },
      log: new Log(LogLevel.WARN),
      handleStructuredLogs: options.log ?? logTrouble,
      // wrangler's layout, so that `wrangler d1 … --local --persist-to` works on the same state.
      ...(options.persistTo === undefined ? {} : { resourcePersistencePath: join(resolve(options.persistTo), 'v3') }),
    }),
  )
  try {
    await miniflare.ready
    if (options.migrate ?? true) for (const config of configs) await migrate(miniflare, config)
    const [url, queueUrl] = await Promise.all([edge, queue].map(({ name }) => miniflare.unsafeGetDirectURL(name)))
    return {
      url: (url as URL).origin,
      queueUrl: (queueUrl as URL).origin,
      async runScheduled(cron = '* * * * *') {
        const worker = await miniflare.getWorker(edge.name)
        const { outcome } = await worker.scheduled({ cron, scheduledTime: new Date() })
        if (outcome !== 'ok') throw new Error(`the scheduled handler ended with "${outcome}"`)
      },
      evict: (className, object) => miniflare.unsafeEvictDurableObject(edge.name, className, object),
      miniflare,
      dispose: () => miniflare.dispose(),
    }
  } catch (error) {
    await miniflare.dispose()
    throw error
  }
}

async function workerOptions(configPath: string, port = 0, vars: Readonly<Record<string, Json>> = {}) {
  const bundle = await bundleWorker(configPath)
  const { name } = readConfig({ config: configPath })
  if (name === undefined) throw new Error(`${configPath} names no Worker`)
  const { workerOptions } = readWorkerOptions(configPath)
  const { modulesRules = [], ...settings } = workerOptions
  return {
    ...settings,
    name,
    rootPath: bundle.root,
    modulesRoot: bundle.root,
    modules: bundledModules(bundle, modulesRules),
    bindings: { ...(settings['bindings'] as Record<string, Json> | undefined), ...vars },
    unsafeDirectSockets: [{ host: '127.0.0.1', port }],
  }
}

async function migrate(miniflare: Miniflare, configPath: string): Promise<void> {
  const { name, d1_databases: databases } = readConfig({ config: configPath })
  for (const { binding, migrations_dir: directory } of databases) {
    if (directory === undefined) continue
    await migrateD1(await miniflare.getD1Database(binding, name), join(dirname(configPath), directory))
  }
}

function logTrouble({ level, message }: { readonly level: string; readonly message: string }): void {
  if (level === 'error' || level === 'warn') console.error(message)
}
