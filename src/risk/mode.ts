import * as z from 'zod'
import type { RemoteScore } from './score.ts'

/**
 * Who scores in this deployment.
 *
 * - `SIRA_URL`, `SIRA_API_KEY`, `RISK_PSEUDONYM_KEY`: SIRA; all of them or none
 * - `RISK_FIXED_SCORE`: a fixed score, in tests only
 * - none of them: the local scorer alone, and every score says so
 */
export type RiskMode =
  | { readonly kind: 'sira'; readonly baseUrl: string; readonly apiKey: string; readonly pseudonymKey: string }
  | { readonly kind: 'local' }
  | { readonly kind: 'fixed'; readonly score: number }

/** Settings of risk scoring contradict each other or the environment. The message shows no value. */
export class InvalidRiskSettings extends Error {
  override name = 'InvalidRiskSettings'
}

const settings = z.object({
  ENVIRONMENT: z.string(),
  SIRA_URL: z.string().min(1).optional(),
  SIRA_API_KEY: z.string().min(16).optional(),
  /** 32 bytes or more, base64url. The edge and the reconciler share it, or SIRA sees two people in one. */
  RISK_PSEUDONYM_KEY: z.string().min(43).optional(),
  // No Number(''): an empty text must not become the score 0.
  RISK_FIXED_SCORE: z
    .string()
    .regex(/^(?:0(?:\.\d{1,6})?|1(?:\.0{1,6})?)$/)
    .optional(),
})

/**
 * Parses the settings of risk scoring. Call it where the configuration is parsed, so that a wrong one does not start.
 *
 * @throws InvalidRiskSettings; always for a fixed score anywhere but in tests
 * @example
 * riskModeFrom({ ENVIRONMENT: 'test', RISK_FIXED_SCORE: '0.2' }) // { kind: 'fixed', score: 0.2 }
 */
export function riskModeFrom(env: object): RiskMode {
  const parsed = settings.safeParse(env)
  if (!parsed.success) throw new InvalidRiskSettings(parsed.error.issues.map(({ path }) => path.join('.')).join(', '))
  const { ENVIRONMENT, SIRA_URL, SIRA_API_KEY, RISK_PSEUDONYM_KEY, RISK_FIXED_SCORE } = parsed.data
  const asked = [SIRA_URL, SIRA_API_KEY, RISK_PSEUDONYM_KEY]
  if (RISK_FIXED_SCORE !== undefined) {
    // Only what is known to be a test: a misspelt production must not pass as "not production".
    if (ENVIRONMENT !== 'test') throw new InvalidRiskSettings('RISK_FIXED_SCORE is for ENVIRONMENT=test only')
    if (asked.some((value) => value !== undefined)) throw new InvalidRiskSettings('RISK_FIXED_SCORE beside SIRA_*')
    return { kind: 'fixed', score: Number(RISK_FIXED_SCORE) }
  }
  if (asked.every((value) => value === undefined)) return { kind: 'local' }
  if (SIRA_URL === undefined || SIRA_API_KEY === undefined || RISK_PSEUDONYM_KEY === undefined) {
    throw new InvalidRiskSettings('SIRA_URL, SIRA_API_KEY and RISK_PSEUDONYM_KEY belong together')
  }
  return {
    kind: 'sira',
    baseUrl: baseUrl(SIRA_URL, ENVIRONMENT),
    apiKey: SIRA_API_KEY,
    pseudonymKey: RISK_PSEUDONYM_KEY,
  }
}

function baseUrl(text: string, environment: string): string {
  const url = URL.parse(text)
  const plain = environment === 'test' || environment === 'development'
  if (url === null || !(url.protocol === 'https:' || (plain && url.protocol === 'http:'))) {
    throw new InvalidRiskSettings('SIRA_URL must be an https URL')
  }
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '') {
    throw new InvalidRiskSettings('SIRA_URL carries more than a place')
  }
  return url.href.replace(/\/+$/, '')
}

/** The same score for everything. */
export function fixedScore(score: number): RemoteScore {
  return { scoredBy: 'fixed', score, payments: [], reasons: [{ rule: 'fixed_score' }], version: 'fixed' }
}
