import * as z from 'zod'
import { importHmacKey } from './crypto/hmac.ts'
import type { KeyProvider } from './crypto/key-provider.ts'
import { localKeys } from './crypto/local-keys.ts'
import { fromBase64url } from './protocol/bytes.ts'

/**
 * The Worker's settings, parsed once an isolate into a stricter type. Nothing else reads the environment's texts.
 *
 * - `EDGE_KEYS`, `KEY_WRAPPING_SECRET`: recipient and receipt keys (crypto/local-keys.ts)
 * - `INTERNAL_HMAC_KEY`: 32 bytes, base64url; shared with the reconciler
 * - `OIDC_ISSUER`, `OIDC_AUDIENCE`, `OIDC_JWKS_URL`: who signs the tokens of the people
 */
const settings = z.object({
  ENVIRONMENT: z.enum(['production', 'development', 'test']),
  EDGE_KEYS: z.string().min(1),
  KEY_WRAPPING_SECRET: z.string().min(1),
  INTERNAL_HMAC_KEY: z.string().min(43),
  OIDC_ISSUER: z.url(),
  OIDC_AUDIENCE: z.string().min(1),
  OIDC_JWKS_URL: z.url(),
})
export type Settings = z.infer<typeof settings>

export interface Config {
  readonly settings: Settings
  readonly keys: () => Promise<KeyProvider>
  readonly hmacKey: () => Promise<CryptoKey>
}

/** Settings are missing or wrong. The message names them and never shows a value. */
export class InvalidConfig extends Error {
  override name = 'InvalidConfig'
}

const parsed = new WeakMap<object, Config>()

/** @throws InvalidConfig */
export function configOf(env: object): Config {
  const known = parsed.get(env)
  if (known !== undefined) return known
  const result = settings.safeParse(env)
  if (!result.success) {
    throw new InvalidConfig(result.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.code}`).join(', '))
  }
  const values = result.data
  let keys: Promise<KeyProvider> | undefined
  let hmacKey: Promise<CryptoKey> | undefined
  const config: Config = {
    settings: values,
    keys: () => {
      keys ??= localKeys(values.EDGE_KEYS, values.KEY_WRAPPING_SECRET)
      return keys
    },
    hmacKey: () => {
      hmacKey ??= importHmacKey(fromBase64url(values.INTERNAL_HMAC_KEY))
      return hmacKey
    },
  }
  parsed.set(env, config)
  return config
}
