import { expect, it } from 'vitest'
import { InvalidRiskSettings, riskModeFrom } from '../../src/risk/mode.ts'
import { remoteScorer } from '../../src/risk/scorer.ts'
import type { SiraObservation } from '../../src/risk/sira-call.ts'
import { bundle, hmac } from './kit.ts'

const SIRA = {
  SIRA_URL: 'https://sira.molam.test/api/',
  SIRA_API_KEY: 'k'.repeat(16),
  RISK_PSEUDONYM_KEY: 'p'.repeat(43),
}
const deps = { fetch, nowMs: () => 0, after: () => () => {}, random: () => 0, observe: () => {} }

it('production refuses to start with a fixed score', () => {
  expect(() => riskModeFrom({ ENVIRONMENT: 'production', RISK_FIXED_SCORE: '0' })).toThrow(InvalidRiskSettings)
  expect(() => riskModeFrom({ ENVIRONMENT: 'production', RISK_FIXED_SCORE: '0', ...SIRA })).toThrow(InvalidRiskSettings)
})

it.each(['development', 'Production', 'prod', 'staging', ''])(
  'so does every other environment but test: "%s"',
  (name) => {
    expect(() => riskModeFrom({ ENVIRONMENT: name, RISK_FIXED_SCORE: '0.1' })).toThrow(InvalidRiskSettings)
  },
)

it('tests may fix the score, and everything gets it', async () => {
  const mode = riskModeFrom({ ENVIRONMENT: 'test', RISK_FIXED_SCORE: '0.2' })
  expect(mode).toEqual({ kind: 'fixed', score: 0.2 })
  const scorer = remoteScorer(mode, hmac, deps)
  expect(await scorer.scoreBundle(bundle(), 'r')).toMatchObject({ ok: true, value: { score: 0.2, scoredBy: 'fixed' } })
  expect(await scorer.scoreBulk([{ kind: 'bundle', bundle: bundle() }], 'r')).toHaveLength(1)
})

it.each(['', ' ', '-0.1', '1.01', 'NaN', '1e-3', '0x0', '.5', '0,2'])('"%s" is no fixed score', (text) => {
  expect(() => riskModeFrom({ ENVIRONMENT: 'test', RISK_FIXED_SCORE: text })).toThrow(InvalidRiskSettings)
})

it('SIRA needs its address, its key and the pseudonym key together', () => {
  expect(riskModeFrom({ ENVIRONMENT: 'production', ...SIRA })).toEqual({
    kind: 'sira',
    baseUrl: 'https://sira.molam.test/api',
    apiKey: SIRA.SIRA_API_KEY,
    pseudonymKey: SIRA.RISK_PSEUDONYM_KEY,
  })
  for (const name of Object.keys(SIRA)) {
    expect(() => riskModeFrom({ ENVIRONMENT: 'production', ...SIRA, [name]: undefined })).toThrow(InvalidRiskSettings)
  }
})

it.each(['http://sira.test', 'ftp://sira.test', 'sira.test', 'https://u:p@sira.test', 'https://sira.test/?key=1'])(
  'production does not send payments to %s',
  (SIRA_URL) => {
    expect(() => riskModeFrom({ ENVIRONMENT: 'production', ...SIRA, SIRA_URL })).toThrow(InvalidRiskSettings)
  },
)

it('an error in the settings shows no value', () => {
  const act = () => riskModeFrom({ ENVIRONMENT: 'production', ...SIRA, SIRA_API_KEY: 'too-short-1' })
  expect(act).toThrow(/SIRA_API_KEY/)
  expect(act).not.toThrow(/too-short-1/)
})

it('without SIRA every score is local and says why', async () => {
  const scorer = remoteScorer(riskModeFrom({ ENVIRONMENT: 'production' }), hmac, deps)
  expect(await scorer.scoreBundle(bundle(), 'r')).toEqual({ ok: false, error: { reason: 'not_configured' } })
})

it('without SIRA nobody is asked, and each score that it did not give is observed', async () => {
  const observed: SiraObservation[] = []
  const mode = riskModeFrom({ ENVIRONMENT: 'production' })
  const scorer = remoteScorer(mode, hmac, { ...deps, observe: (call) => void observed.push(call) })
  expect(await scorer.scoreBundle(bundle(), 'r')).toEqual({ ok: false, error: { reason: 'not_configured' } })
  await scorer.scoreBulk([{ kind: 'bundle', bundle: bundle() }], 'r')
  const outcome = 'not_configured'
  expect(observed).toEqual([
    { operation: 'bundle', latencyMs: 0, outcome },
    { operation: 'bulk', latencyMs: 0, outcome },
  ])
})
