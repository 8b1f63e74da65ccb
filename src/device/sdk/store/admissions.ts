import { type Admission, type AdmissionRecord, admissionKey, decodeAdmission } from './payment-record.ts'
import type { Records } from './records.ts'

/** The proofs that bundles were admitted, a record for each seq. Callers hold the device's lock. */
export class Admissions {
  readonly #records: Records
  #last = 0

  constructor(records: Records) {
    this.#records = records
  }

  /** From here on `loadTo` reads. */
  startAt(seq: number): void {
    this.#last = seq - 1
  }

  /** @returns those that were not read before */
  async loadTo(seq: number): Promise<readonly Admission[]> {
    const loaded: Admission[] = []
    while (this.#last < seq) {
      this.#last++
      const admission = await this.#read(this.#last)
      // Without it, its payments are sent once more: the edge and the ledger know them by their counters.
      if (admission !== undefined) loaded.push(admission)
    }
    return loaded
  }

  async write(seq: number, record: AdmissionRecord): Promise<Admission> {
    await this.#records.write(admissionKey(seq), record)
    this.#last = seq
    return decodeAdmission(seq, record)
  }

  /** @returns the last counter of an admission on disk */
  async lastCounterOf(seq: number): Promise<number | undefined> {
    return (await this.#read(seq))?.last
  }

  async remove(seq: number): Promise<void> {
    await this.#records.remove(admissionKey(seq))
  }

  async #read(seq: number): Promise<Admission | undefined> {
    const stored = await this.#records.read(admissionKey(seq))
    if (stored.kind !== 'whole') return undefined
    try {
      return decodeAdmission(seq, stored.body as AdmissionRecord)
    } catch {
      return undefined
    }
  }
}
