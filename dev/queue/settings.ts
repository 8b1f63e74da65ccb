/** The queues as dev/queue/wrangler.toml names them. */
export interface Queues {
  readonly QUEUES: Readonly<Record<string, QueueVars>>
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
export function queueSettings({ QUEUES }: Queues, name: string): QueueSettings | undefined {
  const vars = Object.hasOwn(QUEUES, name) ? QUEUES[name] : undefined
  if (vars === undefined) return undefined
  return { name, retriesMax: vars.max_retries ?? RETRIES_DEFAULT, deadLetterQueue: vars.dead_letter_queue }
}
