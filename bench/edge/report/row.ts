import { round } from '../stats.ts'

/** A figure of the table beside its target. */
export interface Row {
  readonly figure: string
  readonly target: string
  readonly measured: string
  readonly met: boolean
  /** Absolutes, and what the figure means. */
  readonly beside: string
}

/** A ratio that must not exceed its target. */
export function atMost(figure: string, value: number | undefined, max: number, of: string, beside: string): Row[] {
  if (value === undefined) return []
  return [{ figure, target: `≤ ${max} × ${of}`, measured: `${round(value, 2)} ×`, met: value <= max, beside }]
}

/** A ratio that must not fall below its target. */
export function atLeast(figure: string, value: number | undefined, min: number, of: string, beside: string): Row[] {
  if (value === undefined) return []
  return [{ figure, target: `≥ ${min} × ${of}`, measured: `${round(value, 2)} ×`, met: value >= min, beside }]
}

/** A count a push that must not exceed its target. */
export function count(figure: string, value: number, max: number, beside: string): Row {
  return { figure, target: `≤ ${max}`, measured: String(round(value, 3)), met: value <= max, beside }
}

export const ms = (value: number): string => `${round(value, 2)} ms`
export const perS = (value: number): string => `${Math.round(value)}/s`
export const many = (value: number): string => value.toLocaleString('en').replaceAll(',', ' ')
