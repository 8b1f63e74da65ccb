import * as z from 'zod'
import { sharedSecrets } from '../src/crypto/secrets.ts'
import { fromBase64url } from '../src/protocol/bytes.ts'
import { InvalidRiskSettings, type RiskMode, riskModeFrom } from '../src/risk/mode.ts'

export const DATABASE_TIMEOUT_MS = 30_000

/**
 * The reconciler's settings, parsed once at the door. Nothing else reads the environment.
 *
 * - `RECORD_DATABASE_URL`, `SETTLE_DATABASE_URL`, `READ_DATABASE_URL`: Postgres, three logins, each the member of one role:
 *   `molam_record`, `molam_settle`, `molam_read`
 * - `QUEUE_API_URL`, `CF_ACCOUNT_ID`, `QUEUE_ID`, `QUEUE_TOKEN`: the settle queue's pull API
 * - `EDGE_URL`, `INTERNAL_HMAC_KEY`: where outcomes go and policies come from, and the key that proves these calls to the edge
 *   (32 bytes, base64url)
 * - `EDGE_KEYS`, `KEY_WRAPPING_SECRET`: recipient keys wrapped for the reconciler, under a secret that is not the edge's, and
 *   the receipt keys' public parts
 * - `CONSENT_CODE_KEY`: makes the codes that are sent to holders (32 bytes, base64url); the verifier and `verify` need it too, and
 *   where keys change `CONSENT_CODE_OLD_KEY`, the one before it (docs/codes.md)
 *
 * and, where they are wanted:
 * - `CONSENT_CODE_URL`, `CONSENT_CODE_TOKEN`: the gateway that brings codes to telephones (docs/codes.md); without it none is sent
 * - `SIRA_URL`, `SIRA_API_KEY`, `RISK_PSEUDONYM_KEY`: who scores (src/risk/mode.ts); the local rules alone without them
 * - `ENVIRONMENT`: production unless said otherwise
 * - `DLQ_ID`: the queue that the settle queue's dead letters go to
 * - `DATABASE_TIMEOUT_MS`: how long a statement may take; 30 s
 * - `INBOX_KEEP_DAYS`: how long messages that are done stay in the inbox; 30 days
 * - `METRICS_PORT`: health, readiness and metrics over HTTP
 * - `CHECKPOINT_FILE`, `CHECKPOINT_KEY`: where the audit chains' checkpoints go, and the key they are signed with (JWK,
 *   P-256). To check them `CHECKPOINT_PUBLIC_KEY` is enough.
 *
 * Each secret has one purpose, and a value of its own (docs/keys.md).
 */
const databaseUrl = z.url({ protocol: /^postgres(ql)?$/ })

const settings = z.object({
  ENVIRONMENT: z.enum(['production', 'development', 'test']).default('production'),
  RECORD_DATABASE_URL: databaseUrl,
  SETTLE_DATABASE_URL: databaseUrl,
  READ_DATABASE_URL: databaseUrl,
  QUEUE_API_URL: z.url({ protocol: /^https?$/ }).default('https://api.cloudflare.com/client/v4'),
  CF_ACCOUNT_ID: z.string().min(1),
  QUEUE_ID: z.string().min(1),
  QUEUE_TOKEN: z.string().min(1),
  DLQ_ID: z.string().min(1).optional(),
  EDGE_URL: z.url({ protocol: /^https?$/ }),
  INTERNAL_HMAC_KEY: z.base64url().min(43),
  EDGE_KEYS: z.string().min(1),
  KEY_WRAPPING_SECRET: z.string().min(1),
  CONSENT_CODE_KEY: z.base64url().min(43),
  CONSENT_CODE_OLD_KEY: z.base64url().min(43).optional(),
  CONSENT_CODE_URL: z.url({ protocol: /^https?$/ }).optional(),
  CONSENT_CODE_TOKEN: z.string().min(1).optional(),
  /** How often an empty queue is asked; Cloudflare allows an account about four API calls a second. */
  QUEUE_POLL_MS: z.coerce.number().int().min(10).max(60_000).default(500),
  DATABASE_TIMEOUT_MS: z.coerce.number().int().min(500).max(600_000).default(DATABASE_TIMEOUT_MS),
  INBOX_KEEP_DAYS: z.coerce.number().int().min(1).max(3650).default(30),
  METRICS_PORT: z.coerce.number().int().min(0).max(65_535).optional(),
  CHECKPOINT_FILE: z.string().min(1).optional(),
  CHECKPOINT_KEY: z.string().min(1).optional(),
  LOG_LEVEL: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
})

/** A login of Postgres and what it acts as. */
export interface Login {
  readonly url: string
  readonly role: (typeof ROLES)[number]
}

/** Of the reconciler: what each may write stands in `migrations/ledger/001.do.roles.sql`. None of them is enough to move money. */
export const ROLES = ['molam_record', 'molam_settle', 'molam_read'] as const

export interface Logins {
  readonly record: Login
  readonly settle: Login
  readonly read: Login
}

/** `CONSENT_CODE_KEY` and `CONSENT_CODE_OLD_KEY`, at least 32 bytes each. */
export interface CodeKeys {
  readonly key: Uint8Array
  readonly oldKey?: Uint8Array
}

/** Who brings messages to telephones. */
export interface GatewayConfig {
  readonly gatewayUrl: string
  readonly gatewayToken: string
}

export interface Config {
  readonly logins: Logins
  readonly databaseTimeoutMs: number
  readonly queue: { readonly apiUrl: string; readonly accountId: string; readonly id: string; readonly token: string }
  readonly deadLetterQueueId?: string
  readonly queuePollMs: number
  readonly inboxKeepDays: number
  readonly edgeUrl: string
  readonly hmacSecret: Uint8Array
  readonly edgeKeys: string
  readonly wrappingSecret: string
  readonly codeKeys: CodeKeys
  /** Left out: codes are off. */
  readonly gateway?: GatewayConfig
  readonly risk: RiskMode
  readonly metricsPort?: number
  readonly checkpoints?: { readonly file: string; readonly key: string }
  readonly logLevel: string
}

/** Settings are missing or wrong. The message names them and never shows a value. */
export class InvalidConfig extends Error {
  override name = 'InvalidConfig'
}

type Env = Readonly<Record<string, string | undefined>>

const SECRETS = [
  ...['KEY_WRAPPING_SECRET', 'INTERNAL_HMAC_KEY', 'QUEUE_TOKEN', 'CHECKPOINT_KEY'],
  ...['CONSENT_CODE_KEY', 'CONSENT_CODE_OLD_KEY', 'CONSENT_CODE_TOKEN'],
  ...['SIRA_API_KEY', 'RISK_PSEUDONYM_KEY'],
]

/** @throws InvalidConfig */
export function parseConfig(env: Env): Config {
  const values = parse(settings, env)
  const { DLQ_ID, METRICS_PORT } = values
  const checkpoints = checkpointSettings(values)
  const gateway = gatewaySettings(values)
  return {
    logins: loginsOf(values),
    databaseTimeoutMs: values.DATABASE_TIMEOUT_MS,
    queue: {
      apiUrl: values.QUEUE_API_URL,
      accountId: values.CF_ACCOUNT_ID,
      id: values.QUEUE_ID,
      token: values.QUEUE_TOKEN,
    },
    queuePollMs: values.QUEUE_POLL_MS,
    inboxKeepDays: values.INBOX_KEEP_DAYS,
    edgeUrl: values.EDGE_URL,
    hmacSecret: secret('INTERNAL_HMAC_KEY', values.INTERNAL_HMAC_KEY),
    codeKeys: codeKeys(values.CONSENT_CODE_KEY, values.CONSENT_CODE_OLD_KEY),
    ...(gateway && { gateway }),
    edgeKeys: values.EDGE_KEYS,
    wrappingSecret: values.KEY_WRAPPING_SECRET,
    logLevel: values.LOG_LEVEL,
    risk: riskMode({ ...env, ENVIRONMENT: values.ENVIRONMENT }),
    ...(DLQ_ID !== undefined && { deadLetterQueueId: DLQ_ID }),
    ...(METRICS_PORT !== undefined && { metricsPort: METRICS_PORT }),
    ...(checkpoints && { checkpoints }),
  }
}

/** Settings of the commands that only look at the book, or change a single thing in it. All but the first are optional. */
export interface BookConfig {
  readonly login: Login
  readonly keys?: { readonly edgeKeys: string; readonly wrappingSecret: string }
  /** To see whether a holder's code is one. */
  readonly codeKeys?: CodeKeys
  readonly edge?: { readonly url: string; readonly hmacSecret: Uint8Array }
  readonly checkpoints?: { readonly file: string; readonly key: string }
}

const bookSettings = settings
  .pick({ EDGE_URL: true, INTERNAL_HMAC_KEY: true, EDGE_KEYS: true, KEY_WRAPPING_SECRET: true })
  .extend(settings.pick({ CONSENT_CODE_KEY: true, CONSENT_CODE_OLD_KEY: true }).shape)
  .partial()
  .extend(settings.pick({ CHECKPOINT_FILE: true, CHECKPOINT_KEY: true }).shape)
  .extend({ CHECKPOINT_PUBLIC_KEY: z.string().min(1).optional() })

const BOOK_LOGINS = {
  record: { name: 'RECORD_DATABASE_URL', role: 'molam_record' },
  read: { name: 'READ_DATABASE_URL', role: 'molam_read' },
} as const

/** @param as what the command does in the book. @throws InvalidConfig */
export function parseBookConfig(env: Env, as: keyof typeof BOOK_LOGINS = 'read'): BookConfig {
  const { name, role } = BOOK_LOGINS[as]
  // One parse, so that all that is wrong is said at once.
  const { databaseUrl: login, ...values } = parse(
    bookSettings.extend({ databaseUrl }),
    { ...env, databaseUrl: env[name] },
    name,
  )
  const { CONSENT_CODE_KEY: codeKey, CONSENT_CODE_OLD_KEY: oldCodeKey } = values
  const { EDGE_KEYS: edgeKeys, KEY_WRAPPING_SECRET: wrappingSecret, EDGE_URL: url, INTERNAL_HMAC_KEY: hmac } = values
  const checkpoints = checkpointSettings({
    ...values,
    CHECKPOINT_KEY: values.CHECKPOINT_PUBLIC_KEY ?? values.CHECKPOINT_KEY,
  })
  return {
    login: { url: login, role },
    ...(edgeKeys !== undefined && wrappingSecret !== undefined && { keys: { edgeKeys, wrappingSecret } }),
    ...(codeKey !== undefined && { codeKeys: codeKeys(codeKey, oldCodeKey) }),
    ...(url !== undefined && hmac !== undefined && { edge: { url, hmacSecret: secret('INTERNAL_HMAC_KEY', hmac) } }),
    ...(checkpoints && { checkpoints }),
  }
}

/** @throws InvalidConfig when two of them are one: a login that records and settles is the ledger by itself */
function loginsOf(values: Record<'RECORD_DATABASE_URL' | 'SETTLE_DATABASE_URL' | 'READ_DATABASE_URL', string>): Logins {
  const users = Object.entries(values).flatMap(([name, value]) =>
    name.endsWith('_DATABASE_URL') ? [{ name, user: new URL(String(value)).username }] : [],
  )
  for (const same of Map.groupBy(users, ({ user }) => user).values()) {
    if (same.length > 1) throw new InvalidConfig(`${same.map(({ name }) => name).join(' and ')} are one login`)
  }
  return {
    record: { url: values.RECORD_DATABASE_URL, role: 'molam_record' },
    settle: { url: values.SETTLE_DATABASE_URL, role: 'molam_settle' },
    read: { url: values.READ_DATABASE_URL, role: 'molam_read' },
  }
}

/** Both or none: a file of checkpoints that nobody can check is worth nothing. */
function checkpointSettings(values: { CHECKPOINT_FILE?: string | undefined; CHECKPOINT_KEY?: string | undefined }) {
  const { CHECKPOINT_FILE: file, CHECKPOINT_KEY: key } = values
  if (file === undefined) return undefined
  if (key === undefined) throw new InvalidConfig('CHECKPOINT_FILE is set, and no key for it')
  return { file, key }
}

/** Both or none. In production a number travels under TLS only. */
function gatewaySettings(values: z.infer<typeof settings>): GatewayConfig | undefined {
  const { CONSENT_CODE_URL: gatewayUrl, CONSENT_CODE_TOKEN: gatewayToken, ENVIRONMENT } = values
  if (gatewayUrl === undefined && gatewayToken === undefined) return undefined
  if (gatewayUrl === undefined || gatewayToken === undefined) {
    throw new InvalidConfig('CONSENT_CODE_URL and CONSENT_CODE_TOKEN, or neither')
  }
  if (ENVIRONMENT === 'production' && !gatewayUrl.startsWith('https:')) {
    throw new InvalidConfig('CONSENT_CODE_URL is not valid (https)')
  }
  return { gatewayUrl, gatewayToken }
}

/** Settings of the verifier. */
export interface VerifierConfig {
  readonly login: Login
  readonly databaseTimeoutMs: number
  readonly keys: { readonly edgeKeys: string; readonly wrappingSecret: string }
  readonly codeKeys: CodeKeys
  readonly metricsPort?: number
  readonly logLevel: string
}

/** @throws InvalidConfig */
export function parseVerifierConfig(env: Env): VerifierConfig {
  const values = parse(
    settings.pick({
      ...{ READ_DATABASE_URL: true, DATABASE_TIMEOUT_MS: true, EDGE_KEYS: true, KEY_WRAPPING_SECRET: true },
      ...{ CONSENT_CODE_KEY: true, CONSENT_CODE_OLD_KEY: true, METRICS_PORT: true, LOG_LEVEL: true },
    }),
    env,
  )
  return {
    login: { url: values.READ_DATABASE_URL, role: 'molam_read' },
    databaseTimeoutMs: values.DATABASE_TIMEOUT_MS,
    keys: { edgeKeys: values.EDGE_KEYS, wrappingSecret: values.KEY_WRAPPING_SECRET },
    codeKeys: codeKeys(values.CONSENT_CODE_KEY, values.CONSENT_CODE_OLD_KEY),
    logLevel: values.LOG_LEVEL,
    ...(values.METRICS_PORT !== undefined && { metricsPort: values.METRICS_PORT }),
  }
}

/** `OPERATOR_DATABASE_URL`: a person's own login, a member of `molam_operator`. @throws InvalidConfig */
export function parseOperatorUrl(env: Env): string {
  return parse(z.object({ OPERATOR_DATABASE_URL: databaseUrl }), env).OPERATOR_DATABASE_URL
}

/** `MIGRATION_DATABASE_URL`: the owner of the schema, a role that the running reconciler never has. @throws InvalidConfig */
export function parseMigrationUrl(env: Env): string {
  return parse(z.object({ MIGRATION_DATABASE_URL: databaseUrl }), env).MIGRATION_DATABASE_URL
}

/** @param databaseName what the setting is called that the schema knows as `databaseUrl` */
function parse<T>(schema: z.ZodType<T>, env: Env, databaseName = ''): T {
  const result = schema.safeParse(env)
  if (result.success) {
    const shared = sharedSecrets(env, SECRETS)
    if (shared.length > 0) throw new InvalidConfig(`${shared.join(', ')}: the value of another secret`)
    return result.data
  }
  const faults = result.error.issues.map(({ path, code }) => {
    const name = path[0] === 'databaseUrl' ? databaseName : path.join('.')
    return env[name] === undefined ? `${name} is not set` : `${name} is not valid (${code})`
  })
  throw new InvalidConfig(faults.join('; '))
}

function riskMode(env: Env): RiskMode {
  try {
    return riskModeFrom(env)
  } catch (error) {
    if (error instanceof InvalidRiskSettings) throw new InvalidConfig(error.message)
    throw error
  }
}

function codeKeys(key: string, oldKey: string | undefined): CodeKeys {
  return {
    key: secret('CONSENT_CODE_KEY', key),
    ...(oldKey !== undefined && { oldKey: secret('CONSENT_CODE_OLD_KEY', oldKey) }),
  }
}

function secret(name: string, text: string): Uint8Array {
  try {
    return fromBase64url(text)
  } catch {
    throw new InvalidConfig(`${name} is not valid (base64url)`)
  }
}
