import { expect, it } from 'vitest'
import { configOf, InvalidConfig } from '../../../src/edge/config.ts'

/** What concerns people in the Worker's settings. A setting that is wrong stops it; none is guessed. */
const good = {
  ...{ ENVIRONMENT: 'production', EDGE_KEYS: '{}', KEY_WRAPPING_SECRET: 'x', INTERNAL_HMAC_KEY: 'k'.repeat(43) },
  ...{ STORED_MAC_SECRET: 'm'.repeat(43), ENROLMENT_CODE_KEY: 'c'.repeat(43), REVIEW_PSEUDONYM_KEY: 'n'.repeat(43) },
  ...{ OIDC_ISSUER: 'https://issuer.test', OIDC_AUDIENCE: 'molam-offline', OIDC_JWKS_URL: 'https://issuer.test/jwks' },
}
const access = {
  ...{ ACCESS_TEAM_DOMAIN: 'https://team.cloudflareaccess.com', ACCESS_AUDIENCE: 'aud', ACCESS_SUBJECT_CLAIM: 'sub' },
  ACCESS_ROLES: '{"ops":"pay_admin"}',
}

it.each([
  ['without Access', {}],
  ['with empty settings of Access, as wrangler.toml has them', { ...access, ...blank(access) }],
  ['with Access', access],
  [
    'with auditors of Access, who do not vote',
    { ...access, ACCESS_ROLES: '{"a":"pay_auditor"}', ACCESS_SUBJECT_CLAIM: '' },
  ],
  [
    'with an issuer on this machine, in development',
    { ENVIRONMENT: 'development', OIDC_JWKS_URL: 'http://127.0.0.1/jwks' },
  ],
])('starts %s', (_, over) => {
  expect(configOf({ ...good, ...over }).settings.OIDC_AUDIENCE).toBe('molam-offline')
})

it.each([
  ['OIDC_JWKS_URL', { OIDC_JWKS_URL: 'http://issuer.test/jwks' }],
  ['OIDC_ISSUER', { OIDC_ISSUER: '' }],
  ['ACCESS_TEAM_DOMAIN', { ...access, ACCESS_TEAM_DOMAIN: 'http://team.cloudflareaccess.com' }],
  ['ACCESS_TEAM_DOMAIN', { ...access, ACCESS_AUDIENCE: '' }],
  ['ACCESS_TEAM_DOMAIN', { ...access, ACCESS_TEAM_DOMAIN: '' }],
  ['ACCESS_ROLES', { ...access, ACCESS_ROLES: '{"ops":"root"}' }],
  ['ACCESS_ROLES', { ...access, ACCESS_ROLES: 'ops' }],
  ['ACCESS_SUBJECT_CLAIM', { ...access, ACCESS_SUBJECT_CLAIM: '' }],
  ['METRICS_TOKEN', { METRICS_TOKEN: 'short' }],
])('does not start, and names %s without its value', (name, over) => {
  const start = () => configOf({ ...good, ...over })
  expect(start).toThrow(InvalidConfig)
  expect(start).toThrow(name)
  expect(start).not.toThrow(/short|"root"|team\.cloud/)
})

function blank(settings: object): Record<string, string> {
  return Object.fromEntries(Object.keys(settings).map((name) => [name, '']))
}

const SECRETS = [
  ...['KEY_WRAPPING_SECRET', 'INTERNAL_HMAC_KEY', 'STORED_MAC_SECRET', 'ENROLMENT_CODE_KEY', 'REVIEW_PSEUDONYM_KEY'],
  ...['SIRA_API_KEY', 'RISK_PSEUDONYM_KEY', 'METRICS_TOKEN'],
]
const all = {
  ...good,
  ...{ SIRA_URL: 'https://sira.test', SIRA_API_KEY: 'a'.repeat(43), RISK_PSEUDONYM_KEY: 'r'.repeat(43) },
  METRICS_TOKEN: 't'.repeat(43),
}

it.each(SECRETS.flatMap((name, at) => SECRETS.slice(at + 1).map((other) => [other, name] as const)))(
  'does not start when %s is %s as well: a secret has one purpose',
  (name, other) => {
    expect(configOf({ ...all }).settings.METRICS_TOKEN).toBe(all.METRICS_TOKEN)
    const same = { ...all, [other]: 's3cret'.repeat(8), [name]: 's3cret'.repeat(8) }
    expect(() => configOf(same)).toThrow(new InvalidConfig(`${name}: the value of another secret`))
  },
)
