import { equalBytes, toHex } from '../../../src/protocol/bytes.ts'
import type { DeviceKey, DeviceStatus } from '../../../src/protocol/messages.ts'
import { maskedWallet } from '../../../src/protocol/owner-wallet.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import { mayChangeKey, replaceKey } from '../admit/keys.ts'
import { type Device, type DeviceRegistration, newDevice } from '../device.ts'
import type { Ended } from '../owed/owed.ts'
import { OwingPart } from '../owed/owing-part.ts'
import type { Actor, ChangeRefusal, Person } from '../person.ts'
import { type AuditRecord, writeAuditRecord } from '../sql/audit-store.ts'
import {
  insertDevice,
  readDevice,
  writeKeys,
  writeLastCode,
  writeRegistrars,
  writeStatus,
} from '../sql/device-store.ts'
import { createSchema } from '../sql/schema.ts'
import type { Standing } from '../standing.ts'
import { changeBy } from './change.ts'
import { endExpired, endRevoked } from './end-waiting.ts'
import { once } from './once.ts'

/** An enrolment code that was proven, and who made it. */
export interface ProvenCode {
  readonly id: string
  readonly madeBy: string
}

/**
 * What people change about a device: each change is one transaction with its audit record and the answer that its
 * repetition gets, and is then owed to the reconciler and the read model like everything else.
 */
export class Administration extends OwingPart {
  /** A person registers a device. Repeating it with the same facts changes nothing. @param known whether it is registered */
  register(
    facts: DeviceRegistration,
    by: Person,
    known: boolean,
  ): Result<'registered' | 'exists', 'device_exists' | 'idempotency_conflict'> {
    const nowMs = Date.now()
    const audit: AuditRecord[] = []
    const result = this.storage.transactionSync(() => {
      if (!known) createSchema(this.sql)
      return once(this.sql, by, nowMs, (): Result<'registered' | 'exists', 'device_exists'> => {
        if (known) return sameFacts(readDevice(this.sql), facts) ? ok('exists') : err('device_exists')
        insertDevice(this.sql, { ...newDevice(facts, nowMs), registrars: [by.actor] })
        const detail = { country: facts.country, kid: toHex(facts.kid), wallet: maskedWallet(facts.ownerWallet) }
        audit.push(writeAuditRecord(this.sql, nowMs, by, 'device_registered', detail))
        return ok('registered')
      })
    })
    if (audit.length > 0) this.delivery.sendDevice(readDevice(this.sql), audit)
    return result
  }

  /**
   * Suspends, reactivates or revokes. What waits on a revoked device ends with it, for people and for payers: whoever had the
   * device must not be paid by somebody who does not know of it. Of a suspended one it waits on.
   */
  setStatus(status: DeviceStatus, by: Person, reason: string): Result<Standing, ChangeRefusal> {
    let ended: readonly Ended[] = []
    const result = changeBy<Standing>(this.storage, this.delivery, by, (device, nowMs) => {
      // Revocation is for ever: whoever holds the key after that is not the owner.
      if (device.status === status || device.status === 'revoked') return ok([{ status: device.status }, []])
      writeStatus(this.sql, status, nowMs)
      const came = status === 'revoked' ? endRevoked(this.sql, by, reason, nowMs) : undefined
      ended = came?.ended ?? []
      const detail = { reason, from: device.status, ...came?.count }
      const audit = writeAuditRecord(this.sql, nowMs, by, `device_${status}`, detail)
      return ok([{ status, ...(came && { ended: came.count }) }, [audit]])
    })
    if (ended.length > 0) this.delivery.sendEnded(readDevice(this.sql), ended)
    return result
  }

  /** Ends what has waited for people too long. */
  expire(): void {
    const ended = this.storage.transactionSync(() => endExpired(this.sql, Date.now()))
    if (ended.length > 0) this.delivery.sendEnded(readDevice(this.sql), ended)
  }

  /** The device gets another key. @param fate of the one it has: it may still have signed what is on its way, or not */
  rotateKey(key: DeviceKey, fate: 'retiring' | 'revoked', by: Person): Result<{ kid: string }, ChangeRefusal> {
    return changeBy(this.storage, this.delivery, by, (device, nowMs) => {
      if (device.status === 'revoked') return err('state_conflict')
      // The Worker let it through by a copy of its standing.
      if (by.actor === 'device' && device.status !== 'active') return err('state_conflict')
      // Asked again after its answer was lost.
      if (equalBytes(device.kid, key.kid)) return ok([{ kid: toHex(key.kid) }, []])
      if (by.actor === 'device' && !mayChangeKey(device)) return err('state_conflict')
      const keys = replaceKey(device, key, fate, device.rev + 1)
      if (keys === undefined) return err('weak_key')
      writeKeys(this.sql, keys, nowMs)
      if (by.actor !== 'device') addRegistrar(this.sql, device, by.actor)
      const detail = { kid: toHex(key.kid), replaced: toHex(device.kid), fate }
      return ok([{ kid: toHex(key.kid) }, [writeAuditRecord(this.sql, nowMs, by, 'key_rotated', detail)]])
    })
  }

  /** A POS registers itself, for the first time or after it lost its state. @param code that was proven */
  enrol(
    facts: DeviceRegistration,
    { id: codeId, madeBy }: ProvenCode,
    by: Actor,
    known: boolean,
  ): Result<'registered' | 'exists', 'enrolment_code_invalid'> {
    const nowMs = Date.now()
    const wallet = maskedWallet(facts.ownerWallet)
    const detail = { kid: toHex(facts.kid), code: codeId, code_by: madeBy, country: facts.country, wallet }
    const audit = this.storage.transactionSync((): readonly AuditRecord[] | undefined => {
      if (!known) {
        createSchema(this.sql)
        insertDevice(this.sql, { ...newDevice(facts, nowMs), lastCode: codeId, registrars: [madeBy] })
        return [writeAuditRecord(this.sql, nowMs, by, 'device_enrolled', detail)]
      }
      const device = readDevice(this.sql)
      if (!sameOwner(device, facts) || device.status === 'revoked') return undefined
      if (device.lastCode === codeId) return equalBytes(device.kid, facts.kid) ? [] : undefined
      // Codes are ULIDs: one made before the last that was used is void, whoever found it.
      const keys = device.lastCode > codeId ? undefined : replaceKey(device, facts, 'revoked', device.rev + 1)
      if (keys === undefined) return undefined
      writeKeys(this.sql, keys, nowMs)
      writeLastCode(this.sql, codeId)
      addRegistrar(this.sql, device, madeBy)
      return [writeAuditRecord(this.sql, nowMs, by, 'device_enrolled', { ...detail, replaced: toHex(device.kid) })]
    })
    if (audit === undefined) return err('enrolment_code_invalid')
    if (audit.length === 0) return ok('exists')
    this.delivery.sendDevice(readDevice(this.sql), audit)
    return ok('registered')
  }
}

/** Has no vote about the device's payments from now on. */
export function addRegistrar(sql: SqlStorage, { registrars }: Device, actor: string): void {
  if (!registrars.includes(actor)) writeRegistrars(sql, [...registrars, actor])
}

const sameOwner = (device: Device, { country, tenant, ownerWallet }: DeviceRegistration): boolean =>
  device.country === country && device.tenant === tenant && device.ownerWallet === ownerWallet

const sameFacts = (device: Device, facts: DeviceRegistration): boolean =>
  equalBytes(device.publicKey, facts.publicKey) && device.alg === facts.alg && sameOwner(device, facts)
