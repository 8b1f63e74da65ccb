import { MINUTE_MS } from '../protocol/time.ts'
import type { Rule } from './rule.ts'
import { ramp } from './weights.ts'
import { crowds } from './windows.ts'

/**
 * A busy till takes 20 a minute, and two such minutes may lie around one window: 30 is still a person. Payments have
 * whole seconds; four in one second happen at a counter with several lanes, seven do not.
 */
const velocity: Rule = ({ seen }) => {
  const minute = Math.max(0, ...crowds(seen, MINUTE_MS).values())
  const second = Math.max(0, ...crowds(seen, 1_000).values())
  const strength = Math.max(ramp(minute, 30, 45), ramp(second, 4, 7))
  return { rule: 'velocity', strength, detail: `${minute} payments within a minute, ${second} within a second` }
}

/**
 * The payload says what time its device had counted from the server's last word on; it was sealed then, and signed then
 * or later. A signature from before that moment was made with a clock turned back.
 */
const clockTurnedBack: Rule = ({ countedMs, signedAtMs, skewMs }) => {
  if (countedMs === undefined) return undefined
  const behindMs = countedMs - signedAtMs
  const detail = `signed ${minutes(behindMs)} minutes before the time that the device had counted`
  return { rule: 'clock_turned_back', strength: behindMs > skewMs ? 1 : 0, detail }
}

const datedAhead: Rule = ({ payments, signedAtMs, skewMs }) => {
  const ahead = payments.filter(({ initiatedAtMs }) => initiatedAtMs > signedAtMs + skewMs)
  const about = new Map(ahead.map(({ counter }) => [counter, 1]))
  return { rule: 'dated_ahead', about, detail: `${ahead.length} payments dated after the signature over them` }
}

const outOfOrder: Rule = ({ payments, skewMs }) => {
  const back: number[] = []
  let latestMs = Number.NEGATIVE_INFINITY
  let before = latestMs
  let steps = 0
  for (const { counter, initiatedAtMs } of payments) {
    if (initiatedAtMs < latestMs - skewMs) back.push(counter)
    if (initiatedAtMs < before - skewMs) steps++
    latestMs = Math.max(latestMs, initiatedAtMs)
    before = initiatedAtMs
  }
  const detail = `time went back ${steps} times; ${back.length} payments lie before earlier ones`
  const strength = ramp(steps, 0, 3)
  return { rule: 'out_of_order', about: new Map(back.map((counter) => [counter, strength])), detail }
}

const minutes = (ms: number): number => Math.round(ms / MINUTE_MS)

export const timeRules: readonly Rule[] = [velocity, clockTurnedBack, datedAhead, outOfOrder]
