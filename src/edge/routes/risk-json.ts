import { type PackedRisk, unpackRisk } from '../store/packed.ts'

/** The score of a bundle, and what it rests on, with the names of the API. */
export function riskJson(score: number, packed: PackedRisk) {
  const { scoredBy, ...basis } = unpackRisk(score, packed)
  return { score, reasons: { ...basis, scored_by: scoredBy } }
}
