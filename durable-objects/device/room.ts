import { DAY_MS } from '../../src/protocol/time.ts'

/**
 * How much a device may make the edge keep in a day, brought by itself or by carriers: nobody else can sign for it, so nobody
 * else can use up its room, and its flood takes the room of nobody else. Pure.
 */
export interface Stored {
  /** Days since 1970, in UTC. */
  readonly day: number
  readonly bytes: number
}

export const NOTHING_STORED: Stored = { day: 0, bytes: 0 }

/** A busy till of small bundles stays below a hundredth of it. */
export const STORED_PER_DAY_MAX = 5_000_000

/**
 * What goes with a bundle, however small it is: receipt, decisions, its row here and in the read model. Answers, mandates, words and codes
 * have rows here, in the audit and in the book. Bounds the rows as well.
 */
export const ROW_BYTES = 1024

/** @param bytes of what is to be kept */
export function storedWith({ day, bytes: before }: Stored, bytes: number, nowMs: number): Stored {
  // A clock that went back begins no new day.
  const today = Math.max(day, Math.floor(nowMs / DAY_MS))
  return { day: today, bytes: (today === day ? before : 0) + bytes + ROW_BYTES }
}

export const hasRoom = ({ bytes }: Stored): boolean => bytes <= STORED_PER_DAY_MAX
