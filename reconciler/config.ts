import * as z from 'zod'
import { fromBase64url } from '../src/protocol/bytes.ts'

/**
 * The reconciler's settings, parsed once at the door. Nothing else reads the environment.
 *
 * - `DATABASE_URL`: Postgres, a login that is a member of the role `molam_reconciler`
 * - `QUEUE_API_URL`, `CF_ACCOUNT_ID`, `QUEUE_ID`, `QUEUE_TOKEN`: the settle queue's pull API
 * - `EDGE_URL`, `INTERNAL_HMAC_KEY`: where outcomes go, and the key shared with the edge (32 bytes, base64url)
 * - `EDGE_KEYS`, `KEY_WRAPPING_SECRET`: recipient keys wrapped for the reconciler, and the receipt keys' public parts
 */
const settings = z.object({
  DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }),
  QUEUE_API_URL: z.url({ protocol: /^https?$/ }).default('https://api.cloudflare.com/client/v4'),
  CF_ACCOUNT_ID: z.string().min(1),
  QUEUE_ID: z.string().min(1),
  QUEUE_TOKEN: z.string().min(1),
  EDGE_URL: z.url({ protocol: /^https?$/ }),
  INTERNAL_HMAC_KEY: z.base64url().min(43),
  EDGE_KEYS: z.string().min(1),
  KEY_WRAPPING_SECRET: z.string().min(1),
  /** How often an empty queue is asked; Cloudflare allows an account about four API calls a second. */
  QUEUE_POLL_MS: z.coerce.number().int().min(10).max(60_000).default(500),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
})

export interface Config {
  readonly databaseUrl: string
  readonly queue: { readonly apiUrl: string; readonly accountId: string; readonly id: string; readonly token: string }
  readonly queuePollMs: number
  readonly edgeUrl: string
  readonly hmacSecret: Uint8Array
  readonly edgeKeys: string
  readonly wrappingSecret: string
  readonly logLevel: string
}

/** Settings are missing or wrong. The message names them and never shows a value. */
export class InvalidConfig extends Error {
  override name = 'InvalidConfig'
}

type Env = Readonly<Record<string, string | undefined>>

/** @throws InvalidConfig */
export function parseConfig(env: Env): Config {
  const values = parse(settings, env)
  return {
    databaseUrl: values.DATABASE_URL,
    queue: {
      apiUrl: values.QUEUE_API_URL,
      accountId: values.CF_ACCOUNT_ID,
      id: values.QUEUE_ID,
      token: values.QUEUE_TOKEN,
    },
    queuePollMs: values.QUEUE_POLL_MS,
    edgeUrl: values.EDGE_URL,
    hmacSecret: secret(values.INTERNAL_HMAC_KEY),
    edgeKeys: values.EDGE_KEYS,
    wrappingSecret: values.KEY_WRAPPING_SECRET,
    logLevel: values.LOG_LEVEL,
  }
}

/** `MIGRATION_DATABASE_URL`: the owner of the schema, a role that the running reconciler never has. @throws InvalidConfig */
export function parseMigrationUrl(env: Env): string {
  return parse(z.object({ MIGRATION_DATABASE_URL: z.url({ protocol: /^postgres(ql)?$/ }) }), env).MIGRATION_DATABASE_URL
}

function parse<T>(schema: z.ZodType<T>, env: Env): T {
  const result = schema.safeParse(env)
  if (result.success) return result.data
  const faults = result.error.issues.map(({ path, code }) => {
    const name = path.join('.')
    return env[name] === undefined ? `${name} is not set` : `${name} is not valid (${code})`
  })
  throw new InvalidConfig(faults.join('; '))
}

function secret(text: string): Uint8Array {
  try {
    return fromBase64url(text)
  } catch {
    throw new InvalidConfig('INTERNAL_HMAC_KEY is not valid (base64url)')
  }
}
