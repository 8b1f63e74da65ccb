import { link, readFile, rm, writeFile } from 'node:fs/promises'
import { parseEnv } from 'node:util'
import { edgeKeysForReader, newWrappedKey, type WrappedKeys } from '../src/crypto/local-keys.ts'
import { toBase64url } from '../src/protocol/bytes.ts'

/** Secrets of the local edge, in the file where wrangler looks for them. */
export interface DevSecrets {
  readonly EDGE_KEYS: string
  readonly KEY_WRAPPING_SECRET: string
  readonly INTERNAL_HMAC_KEY: string
  readonly STORED_MAC_SECRET: string
  readonly ENROLMENT_CODE_KEY: string
  readonly REVIEW_PSEUDONYM_KEY: string
  /** The reconciler's and the verifier's alone. */
  readonly CONSENT_CODE_KEY: string
}

const NAMES = [
  ...(['EDGE_KEYS', 'KEY_WRAPPING_SECRET', 'INTERNAL_HMAC_KEY'] as const),
  ...(['STORED_MAC_SECRET', 'ENROLMENT_CODE_KEY', 'REVIEW_PSEUDONYM_KEY', 'CONSENT_CODE_KEY'] as const),
]

/** Reads `.dev.vars`, and makes it with fresh keys on first use. Git ignores it. */
export async function devSecrets(path: string): Promise<DevSecrets> {
  const found = await readVars(path)
  if (found !== undefined) return found
  const made = await newSecrets()
  const lines = NAMES.map((name) => `${name}='${made[name]}'`)
  // Linked into place, whole: a process that dies here leaves no half file behind, and of two at once the first one's stay.
  const whole = `${path}.${process.pid}`
  await writeFile(whole, `# Made on first use; for this machine only.\n${lines.join('\n')}\n`, { mode: 0o600 })
  await link(whole, path).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error
  })
  await rm(whole)
  return (await readVars(path)) ?? made
}

export async function newSecrets(): Promise<DevSecrets> {
  const wrappingSecret = secret()
  const keys: WrappedKeys = {
    version: 1,
    keys: [await newWrappedKey('seal', wrappingSecret), await newWrappedKey('receipt', wrappingSecret)],
  }
  return {
    EDGE_KEYS: JSON.stringify(keys),
    KEY_WRAPPING_SECRET: wrappingSecret,
    INTERNAL_HMAC_KEY: secret(),
    STORED_MAC_SECRET: secret(),
    ENROLMENT_CODE_KEY: secret(),
    REVIEW_PSEUDONYM_KEY: secret(),
    CONSENT_CODE_KEY: secret(),
  }
}

/** What the reconciler beside that edge has: what both share, and the edge's keys under a wrapping secret of its own. */
export async function reconcilerSecrets(secrets: DevSecrets) {
  const { EDGE_KEYS, KEY_WRAPPING_SECRET, INTERNAL_HMAC_KEY, CONSENT_CODE_KEY } = secrets
  const own = secret()
  return {
    INTERNAL_HMAC_KEY,
    CONSENT_CODE_KEY,
    EDGE_KEYS: await edgeKeysForReader(EDGE_KEYS, KEY_WRAPPING_SECRET, own),
    KEY_WRAPPING_SECRET: own,
  }
}

const secret = () => toBase64url(crypto.getRandomValues(new Uint8Array(32)))

async function readVars(path: string): Promise<DevSecrets | undefined> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined
    throw error
  }
  const vars = parseEnv(text)
  const missing = NAMES.filter((name) => vars[name] === undefined)
  // Never made up beside somebody's own: a new wrapping secret would orphan the keys that are there.
  if (missing.length > 0) throw new Error(`${path} lacks ${missing.join(', ')}`)
  return Object.fromEntries(NAMES.map((name) => [name, vars[name]])) as unknown as DevSecrets
}
