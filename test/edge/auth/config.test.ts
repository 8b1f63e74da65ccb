import { expect, it } from 'vitest'
import { configOf, InvalidConfig } from '../../../src/edge/config.ts'

/** What concerns people in the Worker's settings. A setting that is wrong stops it; none is guessed. */
const good = {
  ...{ ENVIRONMENT: 'production', EDGE_KEYS: '{}', KEY_WRAPPING_SECRET: 'x', INTERNAL_HMAC_KEY: 'k'.repeat(43) },
  REVIEW_PSEUDONYM_KEY: 'n'.repeat(43),
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
