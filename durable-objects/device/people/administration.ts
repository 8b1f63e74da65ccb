import { openBundle } from '../../../src/crypto/bundle-crypto.ts'
import type { KeyProvider } from '../../../src/crypto/key-provider.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { parseBundle } from '../../../src/protocol/bundle.ts'
import { equalBytes, toHex } from '../../../src/protocol/bytes.ts'
import type { DeviceKey, DeviceStatus } from '../../../src/protocol/messages.ts'
import { maskedWallet } from '../../../src/protocol/owner-wallet.ts'
import { paymentsIn } from '../../../src/protocol/payment.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import { replaceKey } from '../admit/keys.ts'
import type { Ballot, Resolution, VoteResult } from '../ballot.ts'
import type { StoredBundle } from '../bundle.ts'
import { type Device, type DeviceRegistration, newDevice } from '../device.ts'
import type { Delivery } from '../owed/delivery.ts'
import type { Ended } from '../owed/owed.ts'
import type { Actor, ChangeRefusal, Person } from '../person.ts'
import { type AuditRecord, writeAuditRecord } from '../sql/audit-store.ts'
import { findByCounter, readBundle, updateBundle } from '../sql/bundle-store.ts'
import { insertDevice, readDevice, writeKeys, writeLastCode, writeStatus } from '../sql/device-store.ts'
import { insertResolution, readUndone } from '../sql/resolution-store.ts'
import { createSchema } from '../sql/schema.ts'
import { endExpired, endRevoked } from './end-waiting.ts'
import { once } from './once.ts'
import { countVotes, type Vote, waiting } from './voting.ts'

/**
 * What people change about a device: each change is one transaction with its audit record and the answer that its
 * repetition gets, and is then owed to the reconciler and the read model like everything else.
 */
export class Administration {
  readonly #storage: DurableObjectStorage
  readonly #delivery: Delivery
  readonly #keys: () => Promise<KeyProvider>

  constructor(storage: DurableObjectStorage, delivery: Delivery, keys: () => Promise<KeyProvider>) {
    this.#storage = storage
    this.#delivery = delivery
    this.#keys = keys
  }

  /** A person registers a device. Repeating it with the same facts changes nothing. @param known whether it is registered */
  register(
    facts: DeviceRegistration,
    by: Person,
    known: boolean,
  ): Result<'registered' | 'exists', 'device_exists' | 'idempotency_conflict'> {
    const nowMs = Date.now()
    const audit: AuditRecord[] = []
    const result = this.#storage.transactionSync(() => {
      if (!known) createSchema(this.#sql)
      return once(this.#sql, by, nowMs, (): Result<'registered' | 'exists', 'device_exists'> => {
        if (known) return sameFacts(readDevice(this.#sql), facts) ? ok('exists') : err('device_exists')
        insertDevice(this.#sql, newDevice(facts, nowMs))
        const detail = { country: facts.country, kid: toHex(facts.kid), wallet: maskedWallet(facts.ownerWallet) }
        audit.push(writeAuditRecord(this.#sql, nowMs, by, 'device_registered', detail))
        return ok('registered')
      })
    })
    if (audit.length > 0) this.#delivery.sendDevice(readDevice(this.#sql), audit)
    return result
  }

  /**
   * Suspends, reactivates or revokes. What waits for people on a revoked device ends with it: whoever had the device must
   * not be paid by somebody who does not know of it.
   *
   * @returns the status that is in force afterwards
   */
  setStatus(status: DeviceStatus, by: Person, reason: string): Result<DeviceStatus, ChangeRefusal> {
    let ended: readonly Ended[] = []
    const result = this.#change<DeviceStatus>(by, (device, nowMs) => {
      // Revocation is for ever: whoever holds the key after that is not the owner.
      if (device.status === status || device.status === 'revoked') return ok([device.status, []])
      writeStatus(this.#sql, status, nowMs)
      const detail = { reason, from: device.status }
      const audit = writeAuditRecord(this.#sql, nowMs, by, `device_${status}`, detail)
      if (status === 'revoked') ended = endRevoked(this.#sql, by, reason, nowMs)
      return ok([status, [audit]])
    })
    if (ended.length > 0) this.#delivery.sendEnded(readDevice(this.#sql), ended)
    return result
  }

  /** Ends what has waited for people too long. */
  expire(): void {
    const ended = this.#storage.transactionSync(() => endExpired(this.#sql, Date.now()))
    if (ended.length > 0) this.#delivery.sendEnded(readDevice(this.#sql), ended)
  }

  /** The device gets another key. @param fate of the one it has: it may still have signed what is on its way, or not */
  rotateKey(key: DeviceKey, fate: 'retiring' | 'revoked', by: Person): Result<{ kid: string }, ChangeRefusal> {
    return this.#change(by, (device, nowMs) => {
      if (device.status === 'revoked') return err('state_conflict')
      // The Worker let it through by a copy of its standing.
      if (by.actor === 'device' && device.status !== 'active') return err('state_conflict')
      // Asked again after its answer was lost.
      if (equalBytes(device.kid, key.kid)) return ok([{ kid: toHex(key.kid) }, []])
      const keys = replaceKey(device, key, fate, device.rev + 1)
      if (keys === undefined) return err('weak_key')
      writeKeys(this.#sql, keys, nowMs)
      const detail = { kid: toHex(key.kid), replaced: toHex(device.kid), fate }
      return ok([{ kid: toHex(key.kid) }, [writeAuditRecord(this.#sql, nowMs, by, 'key_rotated', detail)]])
    })
  }

  /** A POS registers itself, for the first time or after it lost its state. @param codeId of a code that was proven */
  enrol(
    facts: DeviceRegistration,
    codeId: string,
    by: Actor,
    known: boolean,
  ): Result<'registered' | 'exists', 'enrolment_code_invalid'> {
    const nowMs = Date.now()
    const wallet = maskedWallet(facts.ownerWallet)
    const detail = { kid: toHex(facts.kid), code: codeId, country: facts.country, wallet }
    const audit = this.#storage.transactionSync((): readonly AuditRecord[] | undefined => {
      if (!known) {
        createSchema(this.#sql)
        insertDevice(this.#sql, { ...newDevice(facts, nowMs), lastCode: codeId })
        return [writeAuditRecord(this.#sql, nowMs, by, 'device_enrolled', detail)]
      }
      const device = readDevice(this.#sql)
      if (!sameOwner(device, facts) || device.status === 'revoked') return undefined
      if (device.lastCode === codeId) return equalBytes(device.kid, facts.kid) ? [] : undefined
      // Codes are ULIDs: one made before the last that was used is void, whoever found it.
      const keys = device.lastCode > codeId ? undefined : replaceKey(device, facts, 'revoked', device.rev + 1)
      if (keys === undefined) return undefined
      writeKeys(this.#sql, keys, nowMs)
      writeLastCode(this.#sql, codeId)
      return [writeAuditRecord(this.#sql, nowMs, by, 'device_enrolled', { ...detail, replaced: toHex(device.kid) })]
    })
    if (audit === undefined) return err('enrolment_code_invalid')
    if (audit.length === 0) return ok('exists')
    this.#delivery.sendDevice(readDevice(this.#sql), audit)
    return ok('registered')
  }

  /** Counts a person's vote about payments of a bundle that wait. */
  async review(ballot: Ballot, by: Person): Promise<Result<readonly VoteResult[], ChangeRefusal>> {
    const found = readBundle(this.#sql, ballot.bundleId)
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
    counter: number,
    reason: string,
    twoPeopleAbove: number,
    by: Person,
  ): Promise<Result<readonly VoteResult[], ChangeRefusal>> {
    const found = findByCounter(this.#sql, counter)
    if (found === undefined) return err('not_found')
    return this.#vote(found, by, () => {
      return { kind: 'reversal', choice: 'approve', counters: [counter], reason, twoPeopleAbove }
    })
  }

  async #vote(
    found: StoredBundle,
    by: Person,
    voteOn: (bundle: StoredBundle) => Omit<Vote, 'actor' | 'atMs' | 'amounts' | 'undone'>,
  ): Promise<Result<readonly VoteResult[], ChangeRefusal>> {
    // The amounts of a bundle never change, so they can be read before the transaction.
    const amounts = await this.#amounts(found)
    // An alarm may be late; a vote after the time is over is too late all the same.
    this.expire()
    const sql = this.#sql
    let changed: { bundle: StoredBundle; resolutions: Resolution[]; audit: AuditRecord[] } | undefined
    const result = this.#change<readonly VoteResult[]>(by, (_, nowMs) => {
      const bundle = readBundle(sql, found.bundleId) ?? found
      const vote = voteOn(bundle)
      const undone = readUndone(sql, bundle.seq)
      const counted = countVotes(bundle, { ...vote, actor: by.actor, atMs: nowMs, amounts, undone })
      if (!counted.ok) return counted
      updateBundle(sql, counted.value.bundle)
      const { kind, choice, reason, counters } = vote
      const detail = { choice, reason, counters: counters.join(' ') }
      const audit = [writeAuditRecord(sql, nowMs, by, `${kind}_voted`, detail, bundle.bundleId)]
      const resolutions = counted.value.resolutions.map((decided) => {
        const resolution = insertResolution(sql, decided)
        const about = decided.choices.map(({ counter }) => counter).join(' ')
        const agreed = { rev: resolution.rev, choice, counters: about, agreed: decided.actors.join(' ') }
        audit.push(writeAuditRecord(sql, nowMs, by, `${kind}_decided`, agreed, bundle.bundleId))
        return resolution
      })
      changed = { bundle: counted.value.bundle, resolutions, audit }
      return ok([counted.value.results, []])
    })
    if (changed) this.#delivery.sendVotes(readDevice(sql), changed.bundle, changed.resolutions, changed.audit)
    return result
  }

  async #amounts({ bundle }: StoredBundle): Promise<ReadonlyMap<number, number> | undefined> {
    const keys = await this.#keys()
    const opened = await openBundle(webCryptoSuite, (kid) => keys.recipient(kid), parseBundle(bundle))
    if (!opened.ok) return undefined
    return new Map(paymentsIn(opened.value).map(({ counter, amount }) => [counter, amount]))
  }

  /** One change by a person: allowed to see the device → made once → delivered, when the device's own facts changed. */
  #change<T>(
    by: Person,
    change: (device: Device, nowMs: number) => Result<readonly [T, readonly AuditRecord[]], ChangeRefusal>,
  ): Result<T, ChangeRefusal> {
    const nowMs = Date.now()
    let audit: readonly AuditRecord[] = []
    const result = this.#storage.transactionSync((): Result<T, ChangeRefusal> => {
      const device = readDevice(this.#sql)
      if (by.tenant !== undefined && by.tenant !== device.tenant) return err('not_found')
      return once(this.#sql, by, nowMs, () => {
        const changed = change(device, nowMs)
        if (!changed.ok) return changed
        audit = changed.value[1]
        return ok(changed.value[0])
      })
    })
    if (audit.length > 0) this.#delivery.sendDevice(readDevice(this.#sql), audit)
    return result
  }

  get #sql(): SqlStorage {
    return this.#storage.sql
  }
}

const sameOwner = (device: Device, { country, tenant, ownerWallet }: DeviceRegistration): boolean =>
  device.country === country && device.tenant === tenant && device.ownerWallet === ownerWallet

const sameFacts = (device: Device, facts: DeviceRegistration): boolean =>
  equalBytes(device.publicKey, facts.publicKey) && device.alg === facts.alg && sameOwner(device, facts)
