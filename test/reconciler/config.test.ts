import { randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { InvalidConfig, parseConfig, parseMigrationUrl } from '../../reconciler/config.ts'

const env = {
  RECORD_DATABASE_URL: 'postgres://record:p@localhost/molam',
  SETTLE_DATABASE_URL: 'postgres://settle:p@localhost/molam',
  READ_DATABASE_URL: 'postgres://read:p@localhost/molam',
  CF_ACCOUNT_ID: 'a',
  QUEUE_ID: 'q',
  QUEUE_TOKEN: 't0ken',
  EDGE_URL: 'https://edge.example',
  INTERNAL_HMAC_KEY: randomBytes(32).toString('base64url'),
  EDGE_KEYS: '{}',
  KEY_WRAPPING_SECRET: 's3cret',
  CONSENT_CODE_KEY: randomBytes(32).toString('base64url'),
}

test('settings are parsed, with defaults', () => {
  expect(parseConfig(env)).toMatchObject({
    logins: { settle: { url: env.SETTLE_DATABASE_URL, role: 'molam_settle' } },
    queue: { apiUrl: 'https://api.cloudflare.com/client/v4', accountId: 'a', id: 'q', token: 't0ken' },
    queuePollMs: 500,
    logLevel: 'info',
  })
})

test.each(Object.keys(env))('without %s it says so', (name) => {
  expect(() => parseConfig({ ...env, [name]: undefined })).toThrow(new InvalidConfig(`${name} is not set`))
})

test('what is wrong is named, and no value is shown', () => {
  const wrong = { ...env, EDGE_URL: 'ftp://s3cret', INTERNAL_HMAC_KEY: `${env.INTERNAL_HMAC_KEY}!`, QUEUE_POLL_MS: '0' }
  expect(() => parseConfig(wrong)).toThrow(/EDGE_URL is not valid.*INTERNAL_HMAC_KEY is not valid.*QUEUE_POLL_MS/)
  expect(() => parseConfig(wrong)).not.toThrow(/s3cret/)
  expect(() => parseMigrationUrl({})).toThrow('MIGRATION_DATABASE_URL is not set')
})

const GATEWAY = { CONSENT_CODE_URL: 'https://sms.example/send', CONSENT_CODE_TOKEN: 'gateway' }

test('codes go out where there is a gateway, under TLS, or not at all', () => {
  expect(parseConfig(env).gateway).toBeUndefined()
  expect(parseConfig({ ...env, ...GATEWAY }).gateway).toEqual({
    ...{ gatewayUrl: GATEWAY.CONSENT_CODE_URL, gatewayToken: 'gateway' },
  })
  for (const name of Object.keys(GATEWAY)) {
    expect(() => parseConfig({ ...env, ...GATEWAY, [name]: undefined })).toThrow('or neither')
  }
  const plain = { ...env, ...GATEWAY, CONSENT_CODE_URL: 'http://sms.example/send' }
  expect(() => parseConfig(plain)).toThrow('CONSENT_CODE_URL is not valid')
  expect(parseConfig({ ...plain, ENVIRONMENT: 'development' }).gateway).toBeDefined()
})

test('a secret has one purpose: it does not start with the value of another', () => {
  const risk = { SIRA_URL: 'https://sira.example', SIRA_API_KEY: 'a'.repeat(43), RISK_PSEUDONYM_KEY: 'r'.repeat(43) }
  const all: Record<string, string> = { ...env, ...risk, CHECKPOINT_FILE: 'f', CHECKPOINT_KEY: 'k', ...GATEWAY }
  expect(parseConfig(all).risk.kind).toBe('sira')
  const secrets = [
    'KEY_WRAPPING_SECRET',
    'INTERNAL_HMAC_KEY',
    'QUEUE_TOKEN',
    'CHECKPOINT_KEY',
    'CONSENT_CODE_KEY',
    'CONSENT_CODE_TOKEN',
    ...Object.keys(risk).slice(1),
  ]
  for (const [at, name] of secrets.entries()) {
    for (const other of secrets.slice(0, at)) {
      const same = { ...all, [name]: env.INTERNAL_HMAC_KEY, [other]: env.INTERNAL_HMAC_KEY }
      expect(() => parseConfig(same), `${other} ${name}`).toThrow('the value of another secret')
      expect(() => parseConfig(same)).not.toThrow(env.INTERNAL_HMAC_KEY)
    }
  }
})
