import { openBundle } from '../../../src/crypto/bundle-crypto.ts'
import type { KeyProvider } from '../../../src/crypto/key-provider.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { logger } from '../../../src/edge/log.ts'
import { parseBundle } from '../../../src/protocol/bundle.ts'
import { type Payment, paymentsIn } from '../../../src/protocol/payment.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import type { IntendedVote, Reservation, Reserved } from '../../person/reservation.ts'
import type { Ballot, Resolution, ReversalBallot, VoteResult } from '../ballot.ts'
import type { StoredBundle } from '../bundle.ts'
import type { Device } from '../device.ts'
import type { Delivery } from '../owed/delivery.ts'
import { OwingPart } from '../owed/owing-part.ts'
import type { ChangeRefusal, Person } from '../person.ts'
import { type AuditRecord, writeAuditRecord } from '../sql/audit-store.ts'
import { findByCounter, readBundle, updateBundle } from '../sql/bundle-store.ts'
import { readDevice } from '../sql/device-store.ts'
import { insertResolution, readUndone } from '../sql/resolution-store.ts'
import { changeBy, maySee } from './change.ts'
import { isKnownKey } from './once.ts'
import { type Counted, countVotes, type Vote, waiting } from './voting.ts'

export interface VotesDeps {
  readonly keys: () => Promise<KeyProvider>
  /** The signed bundle. @returns undefined when nobody has it any more @throws what the bucket throws */
  readonly original: (found: StoredBundle) => Promise<Uint8Array | undefined>
  /** Ends what has waited for too long (end-waiting.ts). */
  readonly expire: () => void
  /** Takes votes down in a person's day (durable-objects/person). @returns undefined when nobody answers */
  readonly reserve: (actor: string, asked: Reservation) => Promise<Reserved | undefined>
  /** Today's names of wallets (src/crypto/day-names.ts). */
  readonly dayNames: (atMs: number, wallets: readonly string[]) => Promise<ReadonlyMap<string, string>>
}

/** What is asked, apart from who asks it and what is known of it. */
type Asked = Omit<Vote, 'actor' | 'atMs' | 'amounts' | 'undone' | 'alone'>
type CountedVote = Counted & { readonly vote: Vote }
/** What comes of a vote, if it can count; writes nothing. */
type Count = (device: Device, day: Pick<Reserved, 'atMs' | 'alone'>) => Result<CountedVote, ChangeRefusal>
type PersonDay = Pick<Reserved, 'atMs' | 'alone'> & Partial<Pick<Reserved, 'sums'>>

/**
 * Votes of people about payments of this device:
 *
 *   open the payments → could the vote count? → take it down in the person's day → count it, in one transaction
 *
 * Other calls run in between, so what could count is judged again in the transaction.
 */
export class Votes extends OwingPart {
  readonly #deps: VotesDeps

  constructor(storage: DurableObjectStorage, delivery: Delivery, deps: VotesDeps) {
    super(storage, delivery)
    this.#deps = deps
  }

  /** Counts a person's vote about payments of a bundle that wait. */
  async review(ballot: Ballot, by: Person): Promise<Result<readonly VoteResult[], ChangeRefusal>> {
    const found = readBundle(this.sql, ballot.bundleId)
    if (found === undefined) return err('not_found')
    return this.#vote(found, by, (bundle) => {
      const { payments, ...rest } = ballot
      if (!('allAtRev' in payments)) return { ...rest, kind: 'review', counters: [...new Set(payments)] }
      // Nobody decides about what he has not seen.
      return { ...rest, kind: 'review', counters: payments.allAtRev === bundle.rev ? waiting(bundle) : [] }
    })
  }

  /** Counts a person's vote for undoing a payment that succeeded. */
  async reverse(
    { counter, ...ballot }: ReversalBallot,
    by: Person,
  ): Promise<Result<readonly VoteResult[], ChangeRefusal>> {
    const found = findByCounter(this.sql, counter)
    if (found === undefined) return err('not_found')
    return this.#vote(found, by, () => ({ kind: 'reversal', choice: 'approve', counters: [counter], ...ballot }))
  }

  async #vote(
    found: StoredBundle,
    by: Person,
    asked: (bundle: StoredBundle) => Asked,
  ): Promise<Result<readonly VoteResult[], ChangeRefusal>> {
    const sql = this.sql
    // The payments of a bundle never change, so they can be read before the transaction.
    const read = await this.#payments(found)
    if (!read.ok) return read
    const payments = read.value
    const amounts = payments && new Map(payments.map(({ counter, amount }) => [counter, amount]))
    const count: Count = (device, { atMs, alone }) => {
      if (device.registrars.includes(by.actor)) return err('registrar_cannot_vote')
      const bundle = readBundle(sql, found.bundleId) ?? found
      const undone = readUndone(sql, bundle.seq)
      const vote = { ...asked(bundle), actor: by.actor, atMs, amounts, undone, alone: new Set(alone) }
      const counted = countVotes(bundle, vote)
      return counted.ok ? ok({ ...counted.value, vote }) : counted
    }
    // An alarm may be late; a vote after the time is over is too late all the same.
    this.#deps.expire()
    const reserved = await this.#reserve(found, by, payments, count)
    if (!reserved.ok) return reserved
    const day = reserved.value
    this.#deps.expire()
    let changed: { bundle: StoredBundle; resolutions: Resolution[]; audit: AuditRecord[] } | undefined
    const result = changeBy<readonly VoteResult[]>(this.storage, this.delivery, by, (device, nowMs) => {
      const counted = count(device, day)
      if (!counted.ok) return counted
      const { bundle, vote, results } = counted.value
      updateBundle(sql, bundle)
      const { kind, choice, reason, note, counters } = vote
      const sums = day.sums && { day_value: day.sums.value, day_wallets: day.sums.wallets }
      const detail = { choice, reason, counters: counters.join(' '), ...(note !== undefined && { note }), ...sums }
      const audit = [writeAuditRecord(sql, nowMs, by, `${kind}_voted`, detail, bundle.bundleId)]
      const resolutions = counted.value.resolutions.map((decided) => {
        const resolution = insertResolution(sql, decided)
        const about = decided.choices.map(({ counter }) => counter).join(' ')
        const agreed = { rev: resolution.rev, choice, counters: about, agreed: decided.actors.join(' ') }
        audit.push(writeAuditRecord(sql, nowMs, by, `${kind}_decided`, agreed, bundle.bundleId))
        return resolution
      })
      changed = { bundle, resolutions, audit }
      return ok([results, []])
    })
    if (changed) this.delivery.sendVotes(readDevice(sql), changed.bundle, changed.resolutions, changed.audit)
    return result
  }

  /**
   * Takes the votes down in the person's day. Those that cannot count are not, nor those of a request whose key was used before:
   * the transaction finds its answer, or refuses it.
   */
  async #reserve(
    { currency }: StoredBundle,
    by: Person,
    payments: readonly Payment[] | undefined,
    count: Count,
  ): Promise<Result<PersonDay, ChangeRefusal>> {
    const nothing = { atMs: Date.now(), alone: [] }
    const device = readDevice(this.sql)
    if (!maySee(by, device)) return err('not_found')
    if (isKnownKey(this.sql, by)) return ok(nothing)
    const counted = count(device, nothing)
    if (!counted.ok) return counted
    const { kind, counters, limits } = counted.value.vote
    // An amount that nobody knows takes two people anyway.
    const about = payments?.filter(({ counter }) => counters.includes(counter)) ?? []
    if (about.length === 0) return ok(nothing)
    // A reversal takes the money from who was paid.
    const debited = ({ sender, receiver }: Payment) => (kind === 'review' ? sender : receiver)
    const names = await this.#deps.dayNames(nothing.atMs, about.map(debited))
    const votes = about.map((payment): IntendedVote => {
      const { counter, amount } = payment
      return { kind, counter, amount, wallet: names.get(debited(payment)) ?? '' }
    })
    const asked = { deviceId: device.deviceId, currency, votes, dailyValue: limits.dailyValue }
    const reserved = await this.#deps.reserve(by.actor, asked)
    return reserved === undefined ? err('temporarily_unavailable') : ok(reserved)
  }

  /** Undefined when they cannot be read any more. */
  async #payments(found: StoredBundle): Promise<Result<readonly Payment[] | undefined, 'temporarily_unavailable'>> {
    let bundle: Uint8Array | undefined = found.bundle
    try {
      if (bundle.length === 0) bundle = await this.#deps.original(found)
    } catch (error) {
      logger.warn('the bucket does not answer; the vote is not counted', { error })
      return err('temporarily_unavailable')
    }
    if (bundle === undefined) return ok(undefined)
    const keys = await this.#deps.keys()
    const opened = await openBundle(webCryptoSuite, (kid) => keys.recipient(kid), parseBundle(bundle))
    return ok(opened.ok ? paymentsIn(opened.value) : undefined)
  }
}
