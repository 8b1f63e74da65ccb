import * as z from 'zod'
import { importHmacKey } from '../crypto/hmac.ts'
import type { KeyProvider } from '../crypto/key-provider.ts'
import { localKeys } from '../crypto/local-keys.ts'
import { type MacPurpose, macKeyFor } from '../crypto/mac.ts'
import { trustedReceiptKeys } from '../crypto/receipt-keys.ts'
import { sharedSecrets } from '../crypto/secrets.ts'
import type { TrustedKey } from '../crypto/sign1.ts'
import { fromBase64url } from '../protocol/bytes.ts'
import { type RiskMode, riskModeFrom } from '../risk/mode.ts'
import { type Hmac, pseudonymHmac } from '../risk/pseudonym.ts'
import type { RemoteScorer } from '../risk/remote-scorer.ts'
import { remoteScorer } from '../risk/scorer.ts'
import { ROLES } from './auth/person.ts'
import { recordSira } from './metrics/recorder.ts'

/**
 * The Worker's settings, parsed once an isolate into a stricter type. Nothing else reads the environment's texts.
 *
 * - `EDGE_KEYS`, `KEY_WRAPPING_SECRET`: recipient and receipt keys, and what they are wrapped with (crypto/local-keys.ts)
 * - `INTERNAL_HMAC_KEY`: 32 bytes, base64url; shared with the reconciler, whose calls it proves (crypto/hmac.ts)
 * - `STORED_MAC_SECRET`: 32 bytes, base64url: MACs over what the edge keeps for itself (crypto/mac.ts)
 * - `ENROLMENT_CODE_KEY`: 32 bytes, base64url: makes one-time codes of devices (crypto/enrolment-code.ts)
 * - `REVIEW_PSEUDONYM_KEY`: 32 bytes, base64url: names wallets to people who decide about payments (crypto/day-names.ts)
 * - `OIDC_ISSUER`, `OIDC_AUDIENCE`, `OIDC_JWKS_URL`: who signs the tokens of the people
 * - `ACCESS_TEAM_DOMAIN` (`https://<team>.cloudflareaccess.com`), `ACCESS_AUDIENCE` (the application's AUD tag),
 *   `ACCESS_ROLES` (JSON, group → role), `ACCESS_ROLES_CLAIM`, `ACCESS_SUBJECT_CLAIM`, `ACCESS_TENANT_CLAIM` (paths):
 *   Cloudflare Access; optional
 * - `SIRA_URL`, `SIRA_API_KEY`, `RISK_PSEUDONYM_KEY`: who scores risk (risk/mode.ts); optional, all of them or none
 * - `CORS_ORIGINS`: origins whose pages may call the devices' routes, with commas between them; none by default
 * - `BUNDLE_BYTES_KEPT_DAYS`: how long after its settlement a signed bundle stays in its object; 90 by default
 * - `METRICS_TOKEN`: at least 32 characters; lets a scraper read `/metrics`; optional
 *
 * Each secret has one purpose, and a value of its own (docs/keys.md).
 */
const given = <T extends z.ZodType>(schema: T) => z.preprocess((value) => (value === '' ? undefined : value), schema)
const claimPath = z.string().regex(/^[\w-]+(\.[\w-]+)*$/)
const accessRoles = z.string().transform((text, context) => {
  try {
    return z.record(z.string(), z.enum(ROLES)).parse(JSON.parse(text))
  } catch {
    context.addIssue('ACCESS_ROLES')
    return z.NEVER
  }
})
const origins = z
  .string()
  .transform((text) => text.split(',').map((origin) => origin.trim()))
  .pipe(z.array(z.string().refine((text) => URL.canParse(text) && new URL(text).origin === text)))
const settings = z.object({
  ENVIRONMENT: z.enum(['production', 'development', 'test']),
  EDGE_KEYS: z.string().min(1),
  KEY_WRAPPING_SECRET: z.string().min(1),
  INTERNAL_HMAC_KEY: z.string().min(43),
  STORED_MAC_SECRET: z.string().min(43),
  ENROLMENT_CODE_KEY: z.string().min(43),
  REVIEW_PSEUDONYM_KEY: z.string().min(43),
  OIDC_ISSUER: z.url(),
  OIDC_AUDIENCE: z.string().min(1),
  OIDC_JWKS_URL: z.url(),
  ACCESS_TEAM_DOMAIN: given(z.url({ protocol: /^https$/ }).optional()),
  ACCESS_AUDIENCE: given(z.string().optional()),
  ACCESS_ROLES: given(accessRoles.optional()),
  ACCESS_ROLES_CLAIM: given(claimPath.default('custom.groups')),
  ACCESS_SUBJECT_CLAIM: given(claimPath.optional()),
  ACCESS_TENANT_CLAIM: given(claimPath.optional()),
  CORS_ORIGINS: given(origins.default([])),
  METRICS_TOKEN: given(z.string().min(32).optional()),
  BUNDLE_BYTES_KEPT_DAYS: given(z.coerce.number().min(0).max(3650).default(90)),
})
export type Settings = z.infer<typeof settings>
/** Those of RiskMode too, which are parsed apart. */
const SECRETS = [
  ...['KEY_WRAPPING_SECRET', 'INTERNAL_HMAC_KEY', 'STORED_MAC_SECRET', 'ENROLMENT_CODE_KEY', 'REVIEW_PSEUDONYM_KEY'],
  ...['SIRA_API_KEY', 'RISK_PSEUDONYM_KEY', 'METRICS_TOKEN'],
]

export interface Config {
  readonly settings: Settings
  readonly keys: () => Promise<KeyProvider>
  /** What verifies the signatures of `keys`. */
  readonly trusted: () => Promise<readonly TrustedKey[]>
  readonly macKey: (purpose: MacPurpose) => Promise<CryptoKey>
  readonly serviceCallKey: () => Promise<CryptoKey>
  readonly enrolmentCodeKey: () => Promise<CryptoKey>
  readonly reviewPseudonymKey: () => Promise<CryptoKey>
  /** One for the isolate: its breakers remember what was slow. */
  readonly scorer: RemoteScorer
}

/** Settings are missing or wrong. The message names them and never shows a value. */
export class InvalidConfig extends Error {
  override name = 'InvalidConfig'
}

/** What concerns several settings. Keys that come over plain HTTP are whoever's is on the way. */
const checked = settings.superRefine((values, context) => {
  const access = [values.ACCESS_TEAM_DOMAIN, values.ACCESS_AUDIENCE, values.ACCESS_ROLES]
  if (new Set(access.map((value) => value === undefined)).size > 1) {
    context.addIssue({ code: 'custom', path: ['ACCESS_TEAM_DOMAIN'], message: 'with ACCESS_AUDIENCE and ACCESS_ROLES' })
  }
  // Votes need different people, and somebody known to both issuers must not be two.
  const votes = Object.values(values.ACCESS_ROLES ?? {}).some((role) => role !== 'pay_auditor')
  if (votes && values.ACCESS_SUBJECT_CLAIM === undefined) {
    context.addIssue({ code: 'custom', path: ['ACCESS_SUBJECT_CLAIM'], message: 'for roles that vote' })
  }
  if (values.ENVIRONMENT === 'production' && !values.OIDC_JWKS_URL.startsWith('https://')) {
    context.addIssue({ code: 'custom', path: ['OIDC_JWKS_URL'], message: 'https' })
  }
  if (values.ENVIRONMENT === 'production' && !values.CORS_ORIGINS.every((origin) => origin.startsWith('https://'))) {
    context.addIssue({ code: 'custom', path: ['CORS_ORIGINS'], message: 'https' })
  }
})

const parsed = new WeakMap<object, Config>()

/** @throws InvalidConfig */
export function configOf(env: object): Config {
  const known = parsed.get(env)
  if (known !== undefined) return known
  const result = checked.safeParse(env)
  if (!result.success) {
    throw new InvalidConfig(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.code}`).join(', '))
  }
  const shared = sharedSecrets({ ...env }, SECRETS)
  if (shared.length > 0) throw new InvalidConfig(`${shared.join(', ')}: the value of another secret`)
  const values = result.data
  const scorer = scorerFrom(env)
  let keys: Promise<KeyProvider> | undefined
  let trusted: Promise<readonly TrustedKey[]> | undefined
  let serviceCallKey: Promise<CryptoKey> | undefined
  let enrolmentCodeKey: Promise<CryptoKey> | undefined
  const macKeys = new Map<MacPurpose, Promise<CryptoKey>>()
  let reviewPseudonymKey: Promise<CryptoKey> | undefined
  const config: Config = {
    settings: values,
    scorer,
    keys: () => {
      keys ??= localKeys(values.EDGE_KEYS, values.KEY_WRAPPING_SECRET)
      return keys
    },
    trusted: () => {
      trusted ??= config.keys().then(trustedReceiptKeys)
      return trusted
    },
    macKey: (purpose) => {
      const known = macKeys.get(purpose) ?? macKeyFor(purpose, fromBase64url(values.STORED_MAC_SECRET))
      macKeys.set(purpose, known)
      return known
    },
    serviceCallKey: () => {
      serviceCallKey ??= importHmacKey(fromBase64url(values.INTERNAL_HMAC_KEY))
      return serviceCallKey
    },
    enrolmentCodeKey: () => {
      enrolmentCodeKey ??= importHmacKey(fromBase64url(values.ENROLMENT_CODE_KEY))
      return enrolmentCodeKey
    },
    reviewPseudonymKey: () => {
      reviewPseudonymKey ??= importHmacKey(fromBase64url(values.REVIEW_PSEUDONYM_KEY))
      return reviewPseudonymKey
    },
  }
  parsed.set(env, config)
  return config
}

const nobody: Hmac = () => Promise.reject(new Error('nobody to name'))

/** @throws InvalidConfig */
function scorerFrom(env: object): RemoteScorer {
  let mode: RiskMode
  try {
    mode = riskModeFrom(env)
  } catch (error) {
    throw new InvalidConfig(error instanceof Error ? error.message : 'risk settings')
  }
  return remoteScorer(mode, mode.kind === 'sira' ? pseudonymHmac(mode.pseudonymKey) : nobody, {
    fetch: (url, init) => fetch(url, init),
    nowMs: () => Date.now(),
    after: (ms, run) => {
      const timer = setTimeout(run, ms)
      return () => clearTimeout(timer)
    },
    random: Math.random,
    observe: recordSira,
  })
}
