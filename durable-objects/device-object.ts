import { DurableObject } from 'cloudflare:workers'
import { configOf } from '../src/config.ts'
import { signAsEdge } from '../src/crypto/sign1.ts'
import type { Env } from '../src/env.ts'
import { equalBytes, toHex } from '../src/protocol/bytes.ts'
import type { Confirmation } from '../src/protocol/confirmations.ts'
import { missingCounters } from '../src/protocol/counters.ts'
import { ulidText } from '../src/protocol/ids.ts'
import { MISSING_PER_NOTICE_MAX } from '../src/protocol/limits.ts'
import type { DeviceStatus } from '../src/protocol/messages.ts'
import { encodeReceipt } from '../src/protocol/receipt.ts'
import { type Admission, decideAdmission, type NewBundle } from './admission.ts'
import { Delivery } from './delivery.ts'
import {
  insertBundle,
  insertDevice,
  insertEvidence,
  readBundle,
  readDevice,
  readView,
  updateBundle,
  writeDeviceChange,
  writeRecordedRev,
  writeStatus,
} from './device-store.ts'
import { insertOutcomes, readNotice } from './outcome-store.ts'
import { type AuditRecord, owedSummary, writeAudit } from './owed-store.ts'
import { createSchema, hasSchema } from './schema.ts'
import { applyConfirmation } from './settling.ts'
import type {
  Actor,
  AdmitRequest,
  AdmitResult,
  Device,
  DeviceDescription,
  DeviceRegistration,
  Identity,
  NoticeParts,
  OwedSummary,
  StoredBundle,
} from './types.ts'

/**
 * The Device Object: the only writer of one device's facts.
 *
 *   admit: read → decide (admission.ts) → sign the receipt → write all of it in one transaction → deliver
 *   confirm: apply what the reconciler says (settling.ts) → deliver the news to the read model
 *   alarm: send again what is still owed (delivery.ts)
 *
 * This file wires; the decisions are pure and elsewhere.
 */
export class DeviceObject extends DurableObject<Env> {
  readonly #sql: SqlStorage
  readonly #delivery: Delivery
  #registered: boolean

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#sql = ctx.storage.sql
    this.#registered = hasSchema(this.#sql)
    this.#delivery = new Delivery(ctx, env)
    // An alarm that was lost must not leave anything owed for ever.
    if (this.#registered) ctx.blockConcurrencyWhile(() => this.#delivery.rearm())
  }

  /** Registers the device. Repeating it with the same facts changes nothing. */
  register(facts: DeviceRegistration, by: Actor): 'registered' | 'exists' | 'conflict' {
    const nowMs = Date.now()
    if (this.#registered) return sameFacts(readDevice(this.#sql), facts) ? 'exists' : 'conflict'
    const audit = this.ctx.storage.transactionSync(() => {
      createSchema(this.#sql)
      insertDevice(this.#sql, facts, nowMs)
      return this.#audit(nowMs, by, 'device_registered', { country: facts.country, kid: toHex(facts.kid) })
    })
    this.#registered = true
    this.#delivery.sendDevice(readDevice(this.#sql), [audit])
    return 'registered'
  }

  /** Reads only, for any device id: an unknown one leaves no trace. */
  identity(): Identity | undefined {
    if (!this.#registered) return undefined
    const { publicKey, alg, kid, status, country, tenant, policy } = readDevice(this.#sql)
    return { publicKey, alg, kid, status, country, tenant, policy }
  }

  /** Steps 8–11 of a push. The receipt exists if and only if the admission was committed. */
  async admit(request: AdmitRequest): Promise<AdmitResult> {
    for (;;) {
      const nowMs = Date.now()
      const view = readView(this.#sql, request)
      const admission = decideAdmission(view, request, nowMs)
      switch (admission.kind) {
        case 'replayed':
          return { kind: 'replayed', receipt: admission.receipt, notice: this.#notice(request.cursor) }
        case 'refused':
          return admission
        case 'contradiction':
          return this.#keepEvidence(request, admission.code, nowMs)
        case 'admit': {
          const bundle = { ...admission.bundle, receipt: await this.#signReceipt(admission) }
          // Other calls may have run while the receipt was signed: what was decided on an older state is decided again.
          if (!this.#commit(view.device.revision, admission, bundle, request)) continue
          return { kind: 'admitted', receipt: bundle.receipt, notice: this.#notice(request.cursor) }
        }
      }
    }
  }

  /** The receipt of an admitted bundle, for a push that cannot be opened any more (its key was retired meanwhile). */
  findReceipt(
    bundleId: Uint8Array,
    digest: Uint8Array,
    cursor: number | undefined,
  ): { receipt: Uint8Array; notice: NoticeParts } | undefined {
    const found = readBundle(this.#sql, bundleId)
    if (found === undefined || !equalBytes(found.digest, digest)) return undefined
    return { receipt: found.receipt, notice: this.#notice(cursor) }
  }

  notice(cursor: number | undefined): NoticeParts {
    return this.#notice(cursor)
  }

  /** What the reconciler holds and decided. @returns false when this device was never registered */
  confirm(confirmations: readonly Confirmation[]): boolean {
    if (!this.#registered) return false
    const nowMs = Date.now()
    const changed = new Map<number, StoredBundle>()
    const audit: AuditRecord[] = []
    this.ctx.storage.transactionSync(() => {
      for (const confirmation of confirmations) {
        if (confirmation.kind === 'device_recorded') {
          writeRecordedRev(this.#sql, confirmation.rev)
          continue
        }
        const bundle = readBundle(this.#sql, confirmation.bundleId)
        const settled = bundle && applyConfirmation(bundle, confirmation, nowMs)
        if (settled === undefined) continue
        updateBundle(this.#sql, settled.bundle)
        insertOutcomes(this.#sql, settled.news)
        if (settled.bundle.rev === bundle?.rev) continue
        changed.set(settled.bundle.seq, settled.bundle)
        const detail = { status: settled.bundle.status, payments: settled.news.length }
        audit.push(this.#audit(nowMs, { actor: 'reconciler' }, 'bundle_settled', detail, settled.bundle.bundleId))
      }
    })
    if (changed.size > 0) this.#delivery.sendIndex(readDevice(this.#sql), [...changed.values()], audit)
    return true
  }

  /** Suspends, reactivates or revokes. @returns the status that is in force afterwards */
  setStatus(status: DeviceStatus, by: Actor, reason: string): DeviceStatus | undefined {
    if (!this.#registered) return undefined
    const device = readDevice(this.#sql)
    // Revocation is for ever: whoever holds the key after that is not the owner.
    if (device.status === status || device.status === 'revoked') return device.status
    const nowMs = Date.now()
    const audit = this.ctx.storage.transactionSync(() => {
      writeStatus(this.#sql, status)
      return this.#audit(nowMs, by, `device_${status}`, { reason, from: device.status })
    })
    this.#delivery.sendDevice(readDevice(this.#sql), [audit])
    return status
  }

  /** Facts for operators, without anything personal. */
  describe(): DeviceDescription | undefined {
    if (!this.#registered) return undefined
    const device = readDevice(this.#sql)
    const { status, country, tenant, head, registeredAtMs } = device
    const missing = missingCounters(device.counters, MISSING_PER_NOTICE_MAX)
    return { status, country, tenant, head, registeredAtMs, missing, owed: owedSummary(this.#sql, device) }
  }

  /** The sweep's call: sets a lost alarm again, also where the object has been alive all the time. */
  async wake(): Promise<OwedSummary | undefined> {
    if (!this.#registered) return undefined
    await this.#delivery.rearm()
    return owedSummary(this.#sql, readDevice(this.#sql))
  }

  override async alarm(): Promise<void> {
    if (this.#registered) await this.#delivery.resend()
  }

  #notice(cursor: number | undefined): NoticeParts {
    return readNotice(this.#sql, readDevice(this.#sql), cursor)
  }

  async #signReceipt(admission: Extract<Admission, { kind: 'admit' }>): Promise<Uint8Array> {
    const keys = await configOf(this.env).keys()
    const { kid, signer } = await keys.receiptSigner()
    return signAsEdge(signer, kid, encodeReceipt(admission.receipt), 'molam-receipt-v1')
  }

  #commit(
    revision: number,
    { device: change }: Extract<Admission, { kind: 'admit' }>,
    bundle: NewBundle & { receipt: Uint8Array },
    request: AdmitRequest,
  ): boolean {
    const audit = this.ctx.storage.transactionSync(() => {
      if (readDevice(this.#sql).revision !== revision) return undefined
      insertBundle(this.#sql, bundle)
      writeDeviceChange(this.#sql, change, bundle.seq)
      const detail = { seq: bundle.seq, status: bundle.status, admitted: bundle.admittedCount }
      const by = { actor: 'device', requestId: request.requestId }
      return this.#audit(bundle.receivedAtMs, by, 'bundle_admitted', detail, bundle.bundleId)
    })
    if (audit === undefined) return false
    this.#delivery.sendBundle(readDevice(this.#sql), bundle, [audit])
    return true
  }

  #keepEvidence(request: AdmitRequest, code: 'bundle_conflict' | 'nonce_replayed' | 'chain_fork', nowMs: number) {
    const { claims, digest, bundle, requestId } = request
    const by = { actor: 'device', requestId }
    const audit = this.ctx.storage.transactionSync((): AuditRecord[] => {
      const isNew = insertEvidence(this.#sql, { digest, kind: code, seq: claims.seq, bundle, atMs: nowMs })
      const detail = { seq: claims.seq, digest: toHex(digest) }
      const seen = isNew ? [this.#audit(nowMs, by, code, detail, claims.bundleId)] : []
      if (code !== 'chain_fork') return seen
      // Whether or not this fork is known already: a device that was reactivated and tells it again is cloned still.
      writeStatus(this.#sql, 'suspended')
      return [...seen, this.#audit(nowMs, { actor: 'system' }, 'device_suspended', { reason: code })]
    })
    if (audit.length > 0) this.#delivery.sendDevice(readDevice(this.#sql), audit)
    return { kind: 'refused', code } as const
  }

  #audit(
    at: number,
    by: Actor,
    action: string,
    detail: Record<string, string | number>,
    bundleId?: Uint8Array,
  ): AuditRecord {
    const { actor, requestId = null } = by
    return writeAudit(this.#sql, {
      at,
      actor,
      action,
      bundleId: bundleId ? ulidText(bundleId) : null,
      requestId,
      detail,
    })
  }
}

function sameFacts(device: Device, facts: DeviceRegistration): boolean {
  return (
    equalBytes(device.publicKey, facts.publicKey) &&
    device.alg === facts.alg &&
    device.country === facts.country &&
    device.tenant === facts.tenant &&
    device.ownerWallet === facts.ownerWallet
  )
}
