import { isUnreadable } from '../errors.ts'
import { allTexts, findAll } from '../store/found.ts'
import { Journal } from '../store/journal.ts'
import { decodeOutgoing, type EncodedOutgoing, type Outgoing } from '../store/outgoing.ts'
import type { Records } from '../store/records.ts'
import { TwoSlots } from '../store/two-slots.ts'

/** What lies in a storage without a state that can be read. */
export interface Survey {
  /** As far as it can be read. */
  readonly journal: Journal
  readonly outgoing: Outgoing | undefined
  /** Each record as it stands, by its key. */
  readonly texts: Readonly<Record<string, string>>
}

/** Reads all there is and writes nothing. */
export async function survey(records: Records): Promise<Survey> {
  const outgoing = await readOutgoing(records)
  const found = await findAll(records, outgoing?.lastCounter ?? 0)
  const nextCounter = (found.counters.at(-1) ?? 0) + 1
  const journal = new Journal(records, async () => undefined)
  await journal.load({
    firstCounter: found.counters[0] ?? nextCounter,
    nextCounter,
    knownFrom: nextCounter,
    firstSeq: found.seqs[0] ?? 1,
    seq: found.seqs.at(-1) ?? 0,
  })
  return { journal, outgoing, texts: await allTexts(records, found) }
}

async function readOutgoing(records: Records): Promise<Outgoing | undefined> {
  const slots = new TwoSlots<EncodedOutgoing>(records, 'outgoing')
  try {
    await slots.load()
  } catch (error) {
    if (isUnreadable(error)) return undefined
    throw error
  }
  return slots.value && decodeOutgoing(slots.value)
}
