import { COUNTER_MAX } from '../../../protocol/limits.ts'
import { outcomeKey, paymentKey, voidKey } from './counter-record.ts'
import { admissionKey } from './payment-record.ts'
import type { Records } from './records.ts'

/** The numbers under which records lie, ascending: found by looking, where no state tells them. */
export interface Found {
  /** Counters with a payment or a void. */
  readonly counters: readonly number[]
  /** Seqs with an admission. */
  readonly seqs: readonly number[]
}

/**
 * Numbers tried at the same time, for stores that answer through a bridge. As many in a row without a record are the end:
 * one that the store lost must not hide the others.
 */
const BATCH = 64
/** A device that was never in contact has none of these, and neither a state nor a bundle in flight. */
const FIRST_TRIED = 4
/** Where not even the end is known, as many numbers are tried at the least, and the end is a longer gap. */
const TRIED_MIN = 10_000
const GAP_UNKNOWN = 1_000

/** All there is. Nothing is known but, perhaps, a counter that was used. */
export async function findAll(records: Records, usedCounter: number): Promise<Found> {
  const listed = await list(records)
  if (listed !== undefined) return listed
  const until = Math.max(TRIED_MIN, usedCounter + GAP_UNKNOWN)
  const counters = await upwards((counter) => hasPayment(records, counter), until)
  if (counters.length === 0) return { counters, seqs: [] }
  return { counters, seqs: await upwards((seq) => has(records, admissionKey(seq)), until) }
}

/**
 * What lies before the place at which the edge says that the device stands.
 *
 * @param missing counters before it that the edge has not seen
 */
export async function findBefore(
  records: Records,
  place: { readonly nextCounter: number; readonly nextSeq: number },
  missing: readonly number[],
): Promise<Found> {
  const listed = await list(records)
  if (listed !== undefined) return listed
  const counters = await downwards((counter) => hasPayment(records, counter), place.nextCounter - 1)
  const holes = await present((counter) => hasPayment(records, counter), missing)
  return {
    counters: [...new Set([...counters, ...holes])].sort((a, b) => a - b),
    seqs: await downwards((seq) => has(records, admissionKey(seq)), place.nextSeq - 1),
  }
}

const SLOTS = ['state/0', 'state/1', 'outgoing/0', 'outgoing/1']

/** Whether there is nothing of a device. Where the store has no list, a device that was never in contact is looked for. */
export async function isEmpty(records: Records): Promise<boolean> {
  const keys = await records.keys()
  if (keys !== undefined) return keys.length === 0
  for (const key of SLOTS) if (await has(records, key)) return false
  return (await present((counter) => hasPayment(records, counter), numbers(1, FIRST_TRIED + 1))).length === 0
}

/** Each record as it stands, by its key. */
export async function allTexts(records: Records, { counters, seqs }: Found): Promise<Record<string, string>> {
  const numbered = [paymentKey, voidKey, outcomeKey].flatMap((keyOf) => counters.map(keyOf))
  const keys = (await records.keys()) ?? [...SLOTS, ...numbered, ...seqs.map(admissionKey)]
  const texts: Record<string, string> = {}
  for (const key of keys) {
    const text = await records.text(key)
    if (text !== undefined) texts[key] = text
  }
  return texts
}

const NUMBERED = /^(payment|void|admission)\/([1-9]\d{0,9})$/

async function list(records: Records): Promise<Found | undefined> {
  const keys = await records.keys()
  if (keys === undefined) return undefined
  const [counters, seqs] = [new Set<number>(), new Set<number>()]
  for (const key of keys) {
    const [, kind, number] = NUMBERED.exec(key) ?? []
    if (kind !== undefined && Number(number) <= COUNTER_MAX)
      (kind === 'admission' ? seqs : counters).add(Number(number))
  }
  const ascending = (numbers: ReadonlySet<number>) => [...numbers].sort((a, b) => a - b)
  return { counters: ascending(counters), seqs: ascending(seqs) }
}

type Exists = (number: number) => Promise<boolean>

const has = async (records: Records, key: string) => (await records.text(key)) !== undefined

const hasPayment = async (records: Records, counter: number) =>
  (await has(records, paymentKey(counter))) || (await has(records, voidKey(counter)))

async function upwards(exists: Exists, until: number): Promise<readonly number[]> {
  const found: number[] = []
  for (let from = 1; from <= Math.max(until, (found.at(-1) ?? 0) + GAP_UNKNOWN); from += BATCH) {
    found.push(...(await present(exists, numbers(from, from + BATCH))))
  }
  return found
}

async function downwards(exists: Exists, from: number): Promise<readonly number[]> {
  const found: number[] = []
  for (let to = from; to >= 1; to -= BATCH) {
    const before = await present(exists, numbers(Math.max(1, to - BATCH + 1), to + 1))
    if (before.length === 0) break
    found.unshift(...before)
  }
  return found
}

async function present(exists: Exists, tried: readonly number[]): Promise<readonly number[]> {
  const found = await Promise.all(tried.map(exists))
  return tried.filter((_, index) => found[index])
}

const numbers = (from: number, to: number): readonly number[] =>
  Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index)
