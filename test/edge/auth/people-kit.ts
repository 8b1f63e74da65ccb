import { toBase64url, utf8 } from '../../../src/protocol/bytes.ts'
import { bindings, fetchWith } from '../kit.ts'

/** An OpenID provider of this name, through the Worker's own way out. */
export function oidcProvider(name: string) {
  const at = `https://oidc.test/${name}`
  const hand = async (path: string) => (await fetch(`${at}/-/${path}`)).text()
  const settings = { OIDC_ISSUER: at, OIDC_JWKS_URL: `${at}/jwks` }
  return {
    settings,
    token: (alg: string, claims: object = { roles: ['pay_admin'] }) =>
      hand(`token?alg=${alg}&claims=${encodeURIComponent(JSON.stringify(claims))}`),
    rotate: () => hand('rotate'),
    answer: (how: 'keys' | 'refused' | 'silence' | 'nonsense' | 'empty') => hand(`answer?with=${how}`),
    asked: async () => Number(await hand('asked')),
    get: (token: string, path = '/offline/policies') =>
      fetchWith(settings, path, { headers: { authorization: `Bearer ${token}` } }),
  }
}

/** Settings of an issuer that publishes these keys. */
export const publishing = (jwks: object) => ({
  OIDC_JWKS_URL: `https://keys.test/${toBase64url(utf8(JSON.stringify(jwks)))}`,
})

/** Everything that is stored for good: all of D1, and of every Device Object that the runtime knows. */
export async function dumpDurable(): Promise<string> {
  const { results } = await bindings.DB.prepare(
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' AND name NOT LIKE '\\_cf\\_%' ESCAPE '\\' ORDER BY name",
  ).all<{ name: string }>()
  const tables = await bindings.DB.batch(results.map(({ name }) => bindings.DB.prepare(`SELECT * FROM "${name}"`)))
  return JSON.stringify(
    tables.map(({ results: rows }, at) => [results[at]?.name, rows]),
    (_, value) => (value instanceof ArrayBuffer ? [...new Uint8Array(value)] : value),
  )
}

/** Lines of the log since it was last asked for. */
export function recordLog(): {
  readonly lines: () => readonly Record<string, unknown>[]
  readonly restore: () => void
} {
  const taken: string[] = []
  const levels = ['info', 'warn', 'error', 'log', 'debug'] as const
  const before = levels.map((level) => console[level])
  for (const level of levels) console[level] = (...args: unknown[]) => void taken.push(args.map(String).join(' '))
  return {
    lines: () =>
      taken.splice(0).map((line) => {
        try {
          return JSON.parse(line) as Record<string, unknown>
        } catch {
          return { unstructured: line }
        }
      }),
    restore: () => {
      for (const [at, level] of levels.entries()) console[level] = before[at] as typeof console.log
    },
  }
}
