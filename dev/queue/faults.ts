/** What a queue is made to do wrong, so that tests and the fleet can show that nothing depends on it doing right. */
export interface Faults {
  /** Each message is kept this many times: at-least-once delivery at its worst. */
  readonly copies: number
  /** Messages are handed out in an order that depends on this seed only. */
  readonly shuffleSeed?: number
  /** Messages that arrive are thrown away. */
  readonly lose: boolean
  /** The next calls of the pull API fail with this status, before (`false`) or after (`true`) they did their work. */
  readonly fail?: { readonly calls: number; readonly status: number; readonly afterwards: boolean }
}

export const NO_FAULTS: Faults = { copies: 1, lose: false }

/** Reads the body of `PUT /dev/queues/:id/faults`; what is not named is switched off. */
export function parseFaults(body: Readonly<Record<string, unknown>>): Faults | undefined {
  const { copies = 1, shuffleSeed, lose = false, fail, ...unknown } = body
  if (Object.keys(unknown).length > 0 || !whole(copies, 1, 10) || typeof lose !== 'boolean') return undefined
  if (shuffleSeed !== undefined && !whole(shuffleSeed, 0, 0x7fff_ffff)) return undefined
  const faults: Faults = { copies, lose, ...(shuffleSeed === undefined ? {} : { shuffleSeed }) }
  if (fail === undefined) return faults
  if (typeof fail !== 'object' || fail === null) return undefined
  const { calls, status, afterwards = false } = fail as Record<string, unknown>
  if (!whole(calls, 0, 1_000_000) || !whole(status, 400, 599) || typeof afterwards !== 'boolean') return undefined
  return { ...faults, fail: { calls, status, afterwards } }
}

export function whole(value: unknown, min: number, max: number): value is number {
  return Number.isInteger(value) && (value as number) >= min && (value as number) <= max
}
