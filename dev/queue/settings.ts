import type { QueueBroker } from './broker.ts'

/** The bindings of dev/queue/wrangler.toml. */
export interface Env {
  readonly ACCOUNT_ID: string
  readonly API_TOKEN: string
  readonly QUEUES: Readonly<Record<string, QueueVars>>
  readonly BROKER: DurableObjectNamespace<QueueBroker>
}

interface QueueVars {
  readonly max_retries?: number
  readonly dead_letter_queue?: string
}

export interface QueueSettings {
  readonly name: string
  /** Deliveries after the first one; then the message is dead. */
  readonly retriesMax: number
  /** Where dead messages go; without one they are deleted, as in production. */
  readonly deadLetterQueue: string | undefined
}

/** Cloudflare's own default. */
const RETRIES_DEFAULT = 3

/** The settings of a queue, or undefined when there is no such queue. */
export function queueSettings(env: Env, name: string): QueueSettings | undefined {
  const vars = Object.hasOwn(env.QUEUES, name) ? env.QUEUES[name] : undefined
  if (vars === undefined) return undefined
  return { name, retriesMax: vars.max_retries ?? RETRIES_DEFAULT, deadLetterQueue: vars.dead_letter_queue }
}
