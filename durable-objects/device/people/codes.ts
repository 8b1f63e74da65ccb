import { equalBytes, toHex } from '../../../src/protocol/bytes.ts'
import { type Consent, deviceName } from '../../../src/protocol/consent.ts'
import { type AskedCode, type CodeVerdict, codeUntilMs, HOLDER } from '../../../src/protocol/consent-code.ts'
import { CONSENT_DAYS_MAX } from '../../../src/protocol/limits.ts'
import { err, ok, type Result } from '../../../src/protocol/result.ts'
import { DAY_MS } from '../../../src/protocol/time.ts'
import { type ShownCode, shownCode } from '../code.ts'
import type { HeldConsent } from '../consent.ts'
import type { Device } from '../device.ts'
import type { Delivery } from '../owed/delivery.ts'
import { OwingPart } from '../owed/owing-part.ts'
import type { Actor } from '../person.ts'
import { type AuditRecord, writeAuditRecord } from '../sql/audit-store.ts'
import { readDevice, takeRoom, writeAskedCode, writeCodeRequest, writeConsents } from '../sql/device-store.ts'
import {
  applyVerdict,
  type CodeRefusal,
  type CodeResult,
  mayAnswer,
  mayAsk,
  triesLeft,
  withoutCode,
} from './code-asking.ts'

/** Signs a consent as the edge (people/consents.ts). */
export type SignHeld = (
  device: Device,
  terms: Pick<Consent, 'askedBy' | 'confirmedBy' | 'untilMs' | 'code'>,
  givenAtMs: number,
) => Promise<HeldConsent>

/** Requests for a code, and what was entered: each change is one transaction with its audit record, and then owed with the device's facts. */
export class Codes extends OwingPart {
  readonly #sign: SignHeld

  constructor(storage: DurableObjectStorage, delivery: Delivery, sign: SignHeld) {
    super(storage, delivery)
    this.#sign = sign
  }

  /** @param kid of the key that signed: the Worker may have verified it with a copy that is not true any more */
  ask(kid: Uint8Array, by: Actor): Result<ShownCode, CodeRefusal> {
    return this.#change(kid, (device, nowMs) => {
      const may = mayAsk(device, nowMs)
      if (!may.ok) return may
      const request = may.value
      if (request.no === device.codeRequest?.no) return ok([shownCode(request), []])
      const before = withoutCode(device, deviceName(device.deviceId), nowMs)
      if (before && before.consents.length > device.consents.length) writeConsents(this.sql, before.consents, nowMs)
      writeAskedCode(this.sql, request, nowMs)
      const detail = { no: request.no, kid: request.kid, until: codeUntilMs(request) }
      return ok([shownCode(request), [writeAuditRecord(this.sql, nowMs, by, 'consent_code_asked', detail)]])
    })
  }

  /** Signs first: what was signed for a request that is another by then is thrown away. */
  async answer(kid: Uint8Array, no: number, digits: string, by: Actor): Promise<Result<CodeResult, CodeRefusal>> {
    const before = readDevice(this.sql)
    const givenAtMs = Date.now()
    const may = mayAnswer(before, no, digits, givenAtMs)
    const asked = may.ok && may.value.state === 'fresh' ? may.value.request : undefined
    const consent = asked && (await this.#signFor(before, asked, digits, givenAtMs))
    return this.#change(kid, (device, nowMs) => {
      const still = mayAnswer(device, no, digits, nowMs)
      if (!still.ok) return still
      if (still.value.state !== 'fresh') return ok([still.value, []])
      if (consent === undefined || !equalBytes(before.kid, device.kid)) return err('temporarily_unavailable')
      // What the book takes for none may be entered again, without end.
      if (!takeRoom(this.sql, consent.signed.length, nowMs)) return err('rate_limited')
      const { request } = still.value
      writeAskedCode(this.sql, { ...request, answer: { digits, rev: device.rev + 1, consent } }, nowMs)
      const audit = writeAuditRecord(this.sql, nowMs, by, 'consent_code_entered', { no, kid: toHex(kid) })
      return ok([{ state: 'waiting', triesLeft: triesLeft(request) }, [audit]])
    })
  }

  #signFor(device: Device, { no, askedAtMs }: AskedCode, digits: string, givenAtMs: number): Promise<HeldConsent> {
    const names = { askedBy: deviceName(device.deviceId), confirmedBy: HOLDER }
    const untilMs = givenAtMs + CONSENT_DAYS_MAX * DAY_MS
    return this.#sign(device, { ...names, untilMs, code: { no, askedAtMs, digits } }, givenAtMs)
  }

  #change<T>(
    kid: Uint8Array,
    change: (device: Device, nowMs: number) => Result<readonly [T, readonly AuditRecord[]], CodeRefusal>,
  ): Result<T, CodeRefusal> {
    let audit: readonly AuditRecord[] = []
    const result = this.storage.transactionSync((): Result<T, CodeRefusal> => {
      const device = readDevice(this.sql)
      if (!equalBytes(device.kid, kid)) return err('invalid_signature')
      const changed = change(device, Date.now())
      if (!changed.ok) return changed
      audit = changed.value[1]
      return ok(changed.value[0])
    })
    if (audit.length > 0) this.delivery.sendDevice(readDevice(this.sql), audit)
    return result
  }
}

/** What the book says of the device's request, with the facts up to a version. Call it within a storage transaction. */
export function recordVerdict(
  sql: SqlStorage,
  verdict: CodeVerdict,
  recordedRev: number,
  by: Actor,
  nowMs: number,
): AuditRecord[] {
  const device = readDevice(sql)
  const applied = applyVerdict(device, verdict, recordedRev)
  if (applied === undefined) return []
  const { request, consents, came } = applied
  writeCodeRequest(sql, request)
  const { no, kid, wrong, accepted } = request
  if (consents !== undefined) {
    writeConsents(sql, consents, nowMs)
    const detail = { kid, code: no, until: accepted?.untilMs ?? 0 }
    return [writeAuditRecord(sql, nowMs, by, 'consent_given', detail)]
  }
  if (came === 'wrong')
    return [writeAuditRecord(sql, nowMs, by, 'consent_code_wrong', { no, kid, wrong: wrong.length })]
  return []
}
