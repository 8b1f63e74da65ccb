import type { RiskBasis } from '../../risk/judge.ts'

/** The score of a bundle, and what it rests on, with the names of the API. */
export function riskJson(score: number, { scoredBy, ...basis }: RiskBasis) {
  return { score, reasons: { ...basis, scored_by: scoredBy } }
}
