import { DurableObject } from 'cloudflare:workers'
import { signAsEdge } from '../../src/crypto/sign1.ts'
import { configOf } from '../../src/edge/config.ts'
import { logger } from '../../src/edge/log.ts'
import type { Indexed } from '../../src/edge/store/index-message.ts'
import { equalBytes, toHex } from '../../src/protocol/bytes.ts'
import type { Confirmation } from '../../src/protocol/confirmations.ts'
import type { DeviceKey, DeviceStatus } from '../../src/protocol/messages.ts'
import { encodeReceipt } from '../../src/protocol/receipt.ts'
import { err, ok, type Result } from '../../src/protocol/result.ts'
import type { RemoteScorer } from '../../src/risk/remote-scorer.ts'
import { type Admission, type Contradiction, decideAdmission } from './admit/admission.ts'
import { raiseOverdueGap } from './admit/chain-gap.ts'
import { commitAdmission } from './admit/commit.ts'
import { keepContradiction } from './admit/contradiction.ts'
import type { DeviceBindings } from './bindings.ts'
import { describeDevice } from './description.ts'
import { Delivery } from './owed/delivery.ts'
import { tellSira } from './owed/escalation.ts'
import { Administration } from './people/administration.ts'
import { hasAnswered, once } from './people/once.ts'
import { applyConfirmations } from './settle/confirmations.ts'
import { deviceActor, writeAuditRecord } from './sql/audit.ts'
import { insertDevice, readBundle, readDevice, readOwing, readView } from './sql/device-store.ts'
import { readEvidence } from './sql/evidence-store.ts'
import { readNotice } from './sql/outcome-store.ts'
import { type AuditRecord, owedSummary } from './sql/owed-store.ts'
import { createSchema, hasSchema } from './sql/schema.ts'
import { Turns } from './turns.ts'
import type {
  Actor,
  AdmitRequest,
  AdmitResult,
  Ballot,
  ChangeRefusal,
  Device,
  DeviceDescription,
  DeviceRegistration,
  Evidence,
  Identity,
  NoticeParts,
  OwedSummary,
  Person,
  VoteResult,
} from './types.ts'

/**
 * The Device Object: the only writer of one device's facts.
 *
 *   admit: read → decide (admission.ts) → sign the receipt → write all of it in one transaction → deliver
 *   people: a vote, a status, a key (administration.ts)
 *   confirm: apply what the reconciler says (apply-outcomes.ts) → deliver the news to the read model
 *   alarm: send again what is still owed (delivery.ts)
 *
 * This file wires; the decisions are pure and elsewhere.
 */
export class DeviceObject extends DurableObject<DeviceBindings> {
  readonly #sql: SqlStorage
  readonly #delivery: Delivery
  readonly #administration: Administration
  readonly #admissions = new Turns()
  #registered: boolean

  constructor(ctx: DurableObjectState, env: DeviceBindings) {
    super(ctx, env)
    this.#sql = ctx.storage.sql
    this.#registered = hasSchema(this.#sql)
    this.#delivery = new Delivery(ctx, env)
    this.#administration = new Administration(ctx.storage, this.#delivery, () => configOf(env).keys())
    // An alarm that was lost must not leave anything owed for ever.
    if (this.#registered) ctx.blockConcurrencyWhile(() => this.#delivery.rearm())
  }

  /** Registers the device. Repeating it with the same facts changes nothing. */
  register(facts: DeviceRegistration, by: Person): 'registered' | 'exists' | 'conflict' | 'idempotency_conflict' {
    const nowMs = Date.now()
    let audit: AuditRecord | undefined
    const result = this.ctx.storage.transactionSync(() => {
      if (!this.#registered) createSchema(this.#sql)
      return once(this.#sql, by, nowMs, () => {
        if (this.#registered) {
          return err<'exists' | 'conflict'>(sameFacts(readDevice(this.#sql), facts) ? 'exists' : 'conflict')
        }
        insertDevice(this.#sql, facts, nowMs)
        const detail = { country: facts.country, kid: toHex(facts.kid) }
        audit = writeAuditRecord(this.#sql, nowMs, by, 'device_registered', detail)
        return ok('registered' as const)
      })
    })
    this.#registered = true
    if (audit) this.#delivery.sendDevice(readDevice(this.#sql), [audit])
    return result.ok ? result.value : result.error
  }

  /** Whether this very request was made before, and its change with it. */
  hasAnswered(by: Person): boolean {
    return this.#registered && hasAnswered(this.#sql, by)
  }

  /** Registers the device, or gives it a new key, by a one-time code that was proven. */
  enrol(facts: DeviceRegistration, codeId: string, by: Actor) {
    const result = this.#administration.enrol(facts, codeId, by, this.#registered)
    this.#registered = hasSchema(this.#sql)
    return result
  }

  /** Reads only, for any device id: an unknown one leaves no trace. */
  identity(): Identity | undefined {
    if (!this.#registered) return undefined
    const { publicKey, alg, kid, status, country, tenant, policy, olderKeys } = readDevice(this.#sql)
    const retiring = olderKeys.filter(({ state }) => state === 'retiring')
    return { publicKey, alg, kid, status, country, tenant, policy, retiring }
  }

  /**
   * Steps 8–11 of a push. The receipt exists if and only if the admission was committed.
   *
   * In turns: what is decided while another receipt is being signed is decided and signed again, so n pushes at once
   * would sign n² receipts.
   */
  admit(request: AdmitRequest): Promise<AdmitResult> {
    return this.#admissions.take(() => this.#admit(request))
  }

  async #admit(request: AdmitRequest): Promise<AdmitResult> {
    for (;;) {
      const nowMs = Date.now()
      const view = readView(this.#sql, request)
      const admission = decideAdmission(view, request, nowMs)
      switch (admission.kind) {
        case 'replayed':
          return {
            kind: 'replayed',
            receipt: admission.receipt,
            notice: readNotice(this.#sql, view.device, request.cursor, nowMs),
          }
        case 'refused':
          return admission
        case 'contradiction':
          return this.#contradict(request, admission, nowMs)
        case 'admit': {
          const bundle = { ...admission.bundle, receipt: await this.#signReceipt(admission) }
          // Other calls may have run while the receipt was signed: what was decided on an older state is decided again.
          const { rowVersion } = view.device
          if (!commitAdmission(this.ctx.storage, rowVersion, admission, bundle, request)) continue
          this.#delivery.sendBundle(view.device, bundle)
          const device = { ...view.device, ...admission.device }
          return {
            kind: 'admitted',
            receipt: bundle.receipt,
            notice: readNotice(this.#sql, device, request.cursor, nowMs),
          }
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

  /** @returns undefined when the device is revoked: whoever holds its key is not the owner. One that is suspended must learn. */
  notice(cursor: number | undefined): NoticeParts | undefined {
    const device = readDevice(this.#sql)
    return device.status === 'revoked' ? undefined : readNotice(this.#sql, device, cursor, Date.now())
  }

  /** What the reconciler holds and decided. @returns false when this device was never registered */
  confirm(confirmations: readonly Confirmation[], requestId?: string): boolean {
    if (!this.#registered) return false
    const nowMs = Date.now()
    const by: Actor = { actor: 'reconciler', ...(requestId && { requestId }) }
    const { device, changed, unknown } = this.ctx.storage.transactionSync(() =>
      applyConfirmations(this.#sql, confirmations, by, nowMs),
    )
    // Saying it again would change nothing and hold up the device's other news: somebody has to look.
    if (unknown.size > 0) {
      logger.error('confirmed bundles are not here', { deviceId: device.deviceId, bundleIds: [...unknown], requestId })
    }
    if (changed.length > 0) this.#delivery.sendIndex(device, changed)
    return true
  }

  /** What the read model holds now: told by whoever wrote it there (src/edge/store/consume-index.ts). */
  async indexed(indexed: Indexed): Promise<void> {
    if (this.#registered) await this.#delivery.markIndexed(indexed)
  }

  /** Suspends, reactivates or revokes. @returns the status that is in force afterwards, or why none of it was done */
  setStatus(
    status: DeviceStatus,
    by: Person,
    reason: string,
  ): DeviceStatus | Exclude<ChangeRefusal, 'not_found'> | undefined {
    if (!this.#registered) return undefined
    const result = this.#administration.setStatus(status, by, reason)
    if (result.ok) return result.value
    return result.error === 'not_found' ? undefined : result.error
  }

  rotateKey(key: DeviceKey, fate: 'retiring' | 'revoked', by: Person): Result<{ kid: string }, ChangeRefusal> {
    return this.#registered ? this.#administration.rotateKey(key, fate, by) : err('not_found')
  }

  async review(ballot: Ballot, by: Person): Promise<Result<readonly VoteResult[], ChangeRefusal>> {
    return this.#registered ? this.#administration.review(ballot, by) : err('not_found')
  }

  async reverse(
    counter: number,
    reason: string,
    twoPeopleAbove: number,
    by: Person,
  ): Promise<Result<readonly VoteResult[], ChangeRefusal>> {
    return this.#registered ? this.#administration.reverse(counter, reason, twoPeopleAbove, by) : err('not_found')
  }

  /** Facts for operators, without anything personal. */
  describe(): DeviceDescription | undefined {
    return this.#registered ? describeDevice(this.#sql, this.#scorer.takesEscalations, Date.now()) : undefined
  }

  /** Bundles of this device that contradict each other. */
  evidence(): { readonly tenant: string; readonly evidence: readonly Evidence[] } | undefined {
    if (!this.#registered) return undefined
    return { tenant: readOwing(this.#sql).tenant, evidence: readEvidence(this.#sql) }
  }

  /** For a dry run of a policy: payments out of this wallet need no other proof. */
  ownerWallet(): string | undefined {
    return this.#registered ? readDevice(this.#sql).ownerWallet : undefined
  }

  /**
   * The sweep's call: sets a lost alarm again, also where the object has been alive all the time, and looks for what did not
   * come.
   */
  async wake(): Promise<OwedSummary | undefined> {
    if (!this.#registered) return undefined
    this.ctx.storage.transactionSync(() => raiseOverdueGap(this.#sql, Date.now()))
    await this.#delivery.rearm()
    await this.#tellSira()
    return owedSummary(this.#sql, readOwing(this.#sql), this.#scorer.takesEscalations)
  }

  override async alarm(): Promise<void> {
    if (!this.#registered) return
    this.#delivery.resend()
    await this.#tellSira()
  }

  #tellSira(): Promise<void> {
    return tellSira(this.#sql, readOwing(this.#sql), this.#scorer)
  }

  get #scorer(): RemoteScorer {
    return configOf(this.env).scorer
  }

  #notice(cursor: number | undefined): NoticeParts {
    return readNotice(this.#sql, readDevice(this.#sql), cursor, Date.now())
  }

  async #signReceipt(admission: Extract<Admission, { kind: 'admit' }>): Promise<Uint8Array> {
    const keys = await configOf(this.env).keys()
    const { kid, signer } = await keys.receiptSigner()
    return signAsEdge(signer, kid, encodeReceipt(admission.receipt), 'molam-receipt-v1')
  }

  #contradict(request: AdmitRequest, contradiction: Contradiction, nowMs: number) {
    const audit = this.ctx.storage.transactionSync(() =>
      keepContradiction(this.#sql, request, contradiction, deviceActor(request), nowMs),
    )
    if (audit.length > 0) this.#delivery.sendDevice(readDevice(this.#sql), audit)
    return { kind: 'refused', code: contradiction.code } as const
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
