import { OfflineError } from '../errors.ts'
import { dismissedKey, paymentKey, voidKey } from './counter-record.ts'
import type { Entries } from './entries.ts'
import { newEntry, voidHolds } from './entry.ts'
import { decodePayment } from './payment-record.ts'
import type { Records } from './records.ts'
import type { WriteOnce } from './write-once.ts'

interface ByHandDeps {
  readonly records: Records
  readonly entries: Entries
  readonly once: WriteOnce
  /** To be awaited before anything that other contexts may know is undone. */
  readonly announce: (counters: readonly number[]) => Promise<void>
  readonly isBundled: (counter: number) => boolean
  readonly reload: (counter: number) => Promise<unknown>
}

/** What a person does with one counter: void it, keep it, put it aside. Callers hold the device's lock. */
export class ByHand {
  readonly #deps: ByHandDeps

  constructor(deps: ByHandDeps) {
    this.#deps = deps
  }

  /**
   * Voids a payment that has never been in a bundle.
   *
   * @throws OfflineError `no_such_payment`, `already_bundled`, `storage_failed` (then it is not voided)
   */
  async void(counter: number, voidFrom: number): Promise<void> {
    const { records, entries, once, announce } = this.#deps
    const entry = entries.get(counter)
    const damaged = entries.damage(counter)
    if (entry && voidHolds(entry)) return
    if (entry === undefined && (damaged === undefined || damaged.kind === 'absent'))
      throw new OfflineError('no_such_payment')
    this.#assertNeverSent(counter, voidFrom)
    const stored = await records.read(paymentKey(counter))
    await announce([counter])
    if (damaged?.kind === 'void_unreadable') await records.remove(voidKey(counter))
    await once.write(voidKey(counter), { counter })
    // From here on nothing may fail: the payment is voided, and the caller must hear that it is.
    const terms = stored.kind === 'whole' ? decodePayment(stored.body) : undefined
    entries.set({ ...newEntry(counter, terms), ...entry, voided: true })
  }

  /**
   * A payment whose void cannot be read stands.
   *
   * @throws OfflineError `no_such_payment` when there is no such decision to take, `already_bundled`, `storage_failed`
   */
  async keep(counter: number, voidFrom: number): Promise<void> {
    const { records, entries, announce, reload } = this.#deps
    if (entries.damage(counter)?.kind !== 'void_unreadable') throw new OfflineError('no_such_payment')
    this.#assertNeverSent(counter, voidFrom)
    await announce([counter])
    await records.remove(voidKey(counter))
    await reload(counter)
  }

  /**
   * A record that cannot be read is nobody's concern here any more. It stays where it is.
   *
   * @throws OfflineError `no_such_payment` when there is no such record, `storage_failed`
   */
  async dismiss(counter: number): Promise<void> {
    const { records, entries, announce, reload } = this.#deps
    const damaged = entries.damage(counter)
    if (damaged === undefined || damaged.kind === 'absent') throw new OfflineError('no_such_payment')
    await announce([counter])
    await records.write(dismissedKey(counter), { counter })
    await reload(counter)
  }

  /** What the edge may have been told of a counter cannot be changed here any more. */
  #assertNeverSent(counter: number, voidFrom: number): void {
    const { entries, isBundled } = this.#deps
    if (entries.isReceipted(counter)) throw new OfflineError('already_bundled', { money: 'receipted' })
    if (isBundled(counter) || counter < voidFrom) throw new OfflineError('already_bundled')
  }
}
