import type { KeyProvider } from '../../../src/crypto/key-provider.ts'
import { signAsEdge } from '../../../src/crypto/sign1.ts'
import { equalBytes } from '../../../src/protocol/bytes.ts'
import { giversOf } from '../../../src/protocol/consent-givers.ts'
import { encodeReceipt } from '../../../src/protocol/receipt.ts'
import { type Err, err, ok, type Result } from '../../../src/protocol/result.ts'
import type { AdmitAnswer, AdmitRefusal, AdmitRequest } from '../admit-request.ts'
import type { Device } from '../device.ts'
import { type Asked, type NoticeParts, readNotice, relayedNotice } from '../notice.ts'
import type { Delivery } from '../owed/delivery.ts'
import { OwingPart } from '../owed/owing-part.ts'
import { deviceActor } from '../sql/audit-store.ts'
import { readBundle } from '../sql/bundle-store.ts'
import { readDevice } from '../sql/device-store.ts'
import { readView } from '../sql/view-store.ts'
import { Turns } from '../turns.ts'
import { type Admission, type Contradiction, decideAdmission } from './admission.ts'
import { commitAdmission } from './commit.ts'
import { keepContradiction } from './contradiction.ts'
import { refusalOf, type StandingRefusal } from './keys.ts'

/**
 * Bundles that come to a device's object:
 *
 *   read → decide (admission.ts) → sign the receipt → write all of it in one transaction (commit.ts) → deliver
 *
 * The receipt exists if and only if the admission was committed.
 */
export class Admissions extends OwingPart {
  readonly #keys: () => Promise<KeyProvider>
  readonly #askGivers: () => Promise<boolean>
  readonly #turns = new Turns()

  /** @param askGivers whether it is known of those who gave this device something whether they pay still */
  constructor(
    storage: DurableObjectStorage,
    delivery: Delivery,
    keys: () => Promise<KeyProvider>,
    askGivers: () => Promise<boolean>,
  ) {
    super(storage, delivery)
    this.#keys = keys
    this.#askGivers = askGivers
  }

  /**
   * In turns: what is decided while another receipt is being signed is decided and signed again, so n pushes at once
   * would sign n² receipts.
   */
  admit(request: AdmitRequest): Promise<Result<AdmitAnswer, AdmitRefusal>> {
    return this.#turns.take(() => this.#admit(request))
  }

  async #admit(request: AdmitRequest): Promise<Result<AdmitAnswer, AdmitRefusal>> {
    let hasAsked = false
    for (;;) {
      const nowMs = Date.now()
      const view = readView(this.sql, request)
      // Others answer meanwhile, and may have ended what they gave: all of it is read again.
      if (!hasAsked && giversOf(view.device.consents).length > 0) {
        if (!(await this.#askGivers())) return err('temporarily_unavailable')
        hasAsked = true
        continue
      }
      const admission = decideAdmission(view, request, nowMs)
      switch (admission.kind) {
        case 'replayed': {
          const notice = this.#noticeFor(request, view.device, nowMs)
          return ok({ kind: 'replayed', receipt: admission.receipt, notice })
        }
        case 'refused':
          return err(admission.code)
        case 'contradiction':
          return this.#contradict(request, admission, nowMs)
        case 'admit': {
          const bundle = { ...admission.bundle, receipt: await this.#signReceipt(admission) }
          // Other calls may have run while the receipt was signed: what was decided on an older state is decided again.
          if (!commitAdmission(this.storage, view.device, admission, bundle, request)) continue
          this.delivery.watchBundle(view.device, bundle, admission.conflict !== undefined)
          const notice = this.#noticeFor(request, { ...view.device, ...admission.device }, nowMs)
          return ok({ kind: 'admitted', receipt: bundle.receipt, notice })
        }
      }
    }
  }

  /** The receipt of an admitted bundle, for a push that cannot be opened any more (its key was retired meanwhile). */
  findReceipt(
    request: Pick<AdmitRequest, 'claims' | 'digest' | keyof Asked>,
  ): Result<AdmitAnswer, 'not_found' | StandingRefusal> {
    const device = readDevice(this.sql)
    const refusal = refusalOf(device, request.claims)
    if (refusal !== undefined) return err(refusal)
    const found = readBundle(this.sql, request.claims.bundleId)
    if (found === undefined || !equalBytes(found.digest, request.digest)) return err('not_found')
    const notice = this.#noticeFor(request, device, Date.now())
    return ok({ kind: 'replayed', receipt: found.receipt, notice })
  }

  #noticeFor(asked: Pick<AdmitRequest, 'claims' | keyof Asked>, device: Device, nowMs: number): NoticeParts {
    return asked.claims.relay ? relayedNotice(asked.cursor) : readNotice(this.sql, device, asked, nowMs)
  }

  async #signReceipt(admission: Extract<Admission, { kind: 'admit' }>): Promise<Uint8Array> {
    const { kid, signer } = await (await this.#keys()).receiptSigner()
    return signAsEdge(signer, kid, encodeReceipt(admission.receipt), 'molam-receipt-v1')
  }

  #contradict(request: AdmitRequest, contradiction: Contradiction, nowMs: number): Err<Contradiction['code']> {
    const audit = this.storage.transactionSync(() =>
      keepContradiction(this.sql, request, contradiction, deviceActor(request), nowMs),
    )
    if (audit.length > 0) this.delivery.sendDevice(readDevice(this.sql), audit)
    return err(contradiction.code)
  }
}
