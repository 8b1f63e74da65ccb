import type { ClaimChoice } from '../../protocol/claims.ts'
import { deviceId, parseLocalId } from '../../protocol/ids.ts'
import type { Pass } from '../../protocol/pass.ts'
import { approvalRequest, approve } from './approvals.ts'
import type { CheckedAnswer } from './checked-answer.ts'
import { answerClaim, type OpenClaim, openClaims } from './claims.ts'
import { consentRequest, consentTo, useConsent } from './consent.ts'
import { type AskedConsentCode, answerConsentCode, askConsentCode, type ConsentCodeResult } from './consent-code.ts'
import { withDefaults } from './defaults.ts'
import { OfflineError } from './errors.ts'
import type { OfflineEvents } from './events.ts'
import { answeredBefore, verifyAnswer } from './exchange/accept.ts'
import {
  type AllowanceTerms,
  closeAllowance,
  requestAllowance,
  type Spendable,
  spendable,
} from './exchange/allowance.ts'
import { type HeldAllowance, heldAllowance } from './exchange/allowance-standing.ts'
import { authorise, currentPass, type SignedPayment, signedPayments } from './exchange/authorise.ts'
import { createRequest, type OpenRequest, type RequestTerms } from './exchange/request.ts'
import { type StatementLine, statement } from './exchange/statement.ts'
import { giveMandate, type MandateTerms } from './mandate.ts'
import { type MandatedPayment, mandatedPayments } from './mandated.ts'
import type { OfflineSDKOptions, ResolvedOptions } from './options.ts'
import type { AgentApproval, PaymentTerms, RefundTerms } from './payment-terms.ts'
import { type OfflinePayment, type TakenPayment, viewOf } from './payment-view.ts'
import { type Profile, profileOf } from './profile.ts'
import { type Refund, type RefundOptions, refundTerms } from './refunds.ts'
import { openExport, sealExport, unsyncedOf } from './rescue/export.ts'
import { type DestroyReport, leftBehind } from './rescue/left-behind.ts'
import { returningOf } from './rescue/restorable.ts'
import type { RestoreResult } from './rescue/restore.ts'
import { Runner } from './runner.ts'
import type { OfflineState } from './sdk-state.ts'
import { type Limits, limitsAt } from './store/allowance.ts'
import { type Entry, isDone, voidHolds } from './store/entry.ts'
import type { LocalDevice } from './store/local-device.ts'
import { refundedIn } from './store/refunded.ts'
import { acceptRelayed, type RelayBundle, sealForRelay } from './sync/relay.ts'
import type { SyncReport } from './sync/sync.ts'
import { type GivingUp, pushNow, type Reach, requireContact, take, voidUnlessSent } from './taking.ts'

/** Finds the payment that was taken already, under the device's lock. */
type Before = (entries: readonly Entry[]) => Entry | undefined

/**
 * Takes payments where there is no network and settles them when there is.
 *
 * A payment that `createOfflineTransaction` returned is on disk, with a number that is never used again, and stays there
 * until the edge's signed receipt for it was verified. Several instances may share a storage when all are given the same
 * `exclusive`; without it, one instance per device and storage.
 *
 * @example
 * const sdk = new OfflineSDK({ apiUrl, deviceId: 'POS-001', storage, keyStore, atRest, autoSync: true })
 * await sdk.initialize()
 * const payment = await sdk.createOfflineTransaction({
 *   type: 'merchant', amount: 2500, currency: 'XOF', sender: '+221770000001', receiver: 'shop-12',
 * })
 * payment.taken // 'online' when the edge's receipt is here already, else 'offline'
 * await sdk.syncNow()
 * sdk.getTransaction(payment.localId)?.status // 'pending', later 'succeeded'
 */
export class OfflineSDK {
  readonly #options: ResolvedOptions
  readonly #runner: Runner
  readonly #device: LocalDevice

  /**
   * @throws RangeError when `apiUrl` or `deviceId` is not valid
   * @throws TypeError when `atRest` is left out, or the runtime lacks something that the options do not bring
   */
  constructor(options: OfflineSDKOptions) {
    this.#options = withDefaults(options)
    this.#runner = new Runner(deviceId(options.deviceId), this.#options)
    this.#device = this.#runner.device
  }

  /** How the device stands. */
  get state(): OfflineState {
    return this.#runner.state
  }

  /** Whose device it is and the rules that it applies, as the edge signed them; undefined before the first contact. */
  get profile(): Profile | undefined {
    return profileOf(this.#device)
  }

  /** The device's time, UTC milliseconds: payments are dated and judged by it. Corrected by the edge's as soon as it is known. */
  get nowMs(): number {
    return this.#device.clock.nowMs()
  }

  /**
   * Reads what is on disk. Without a network it is enough that the device was in contact once; a device that never was
   * tries now, and answers `needs_network` when it cannot. May be called again.
   *
   * @throws OfflineError `storage_failed` when the storage cannot be read; `destroyed`; `unexpected`, for a fault of ours
   */
  initialize(): Promise<OfflineState> {
    return this.#runner.initialize()
  }

  /**
   * Takes a payment: when this resolves it is on disk. With the `guarantee` `signed` the payer can be told "paid, waiting to be
   * settled", with `claimed` that it waits for the payer's yes. `taken` says whether the edge's receipt for it is here already;
   * see `OfflineBehavior` for what is tried.
   *
   * @param options.signal of an `AbortController`: gives the payment up while it waits for its turn to be written
   * @throws OfflineError with money `not_taken`: `invalid_payment`, `refused` (with its `reason`), `unsynced_limit`, `sync_overdue`,
   * `device_blocked`, `not_ready`, `online_required`, `numbers_used_up`, `storage_failed` and what says more than it (`storage_full`,
   * `storage_gone`, `storage_silent`, `store_newer`), `device_busy`, `abandoned`, `destroyed`
   */
  async createOfflineTransaction(
    terms: PaymentTerms,
    { signal }: { readonly signal?: GivingUp } = {},
  ): Promise<TakenPayment> {
    return this.#takeAndPush(terms, signal)
  }

  /**
   * Gives back a payment that was taken, whole or in part: one that never left the device is voided, for any other a refund is
   * taken, out of the owner's wallet into the wallet that paid. Needs no network; the device must pay by its own word
   * (`profile.paysUntilMs`). `OfflinePayment.refundable` says how much is left.
   *
   * @param localId of the payment; of another till's with `payer` and `amount`
   * @throws OfflineError `no_such_payment`, `refused` with the reason `refund_not_possible` (it was not paid to this shop, or not yet),
   * `refund_above_payment`, `payer_not_proven` (the device may only receive) or another rule's, and what `createOfflineTransaction` throws
   * @example
   * const { kind, payment } = await sdk.refund('POS-001/42', { amount: 1000 })
   */
  async refund(localId: string, options: RefundOptions = {}): Promise<Refund> {
    this.#runner.assertAlive()
    const { terms, voids } = refundTerms(this.#device, localId, options)
    if (voids !== undefined && (await this.#isVoided(voids))) return { kind: 'voided', payment: this.#view(voids) }
    return { kind: 'taken', payment: await this.#takeAndPush(terms, options.signal) }
  }

  /** @returns false when it may have left the device */
  async #isVoided(counter: number): Promise<boolean> {
    try {
      await this.voidTransaction(counter)
      return true
    } catch (error) {
      if (error instanceof OfflineError && error.code === 'already_bundled') return false
      throw error
    }
  }

  async #takeAndPush(
    terms: PaymentTerms | RefundTerms,
    signal: GivingUp | undefined,
    before?: Before,
  ): Promise<TakenPayment> {
    const required = this.#options.behavior === 'require_online'
    if (required) {
      this.#runner.assertAlive()
      await requireContact(this.#reach)
    }
    const { counter } = await this.#take(terms, signal, before)
    const isAdmitted = () => this.#isAdmitted(counter)
    const tries = required || (this.#options.behavior === 'prefer_online' && this.#options.autoSync)
    if (tries && (required || this.#runner.auto.seemsOnline)) await pushNow(this.#reach, isAdmitted)
    if (required && !isAdmitted()) await this.#voidUnlessSent(counter)
    return this.#taken(counter)
  }

  /**
   * Voids a payment that never left the device. One that was put into a bundle can only be reversed, by the server.
   *
   * @param counter of the payment; of a damaged record too, once a person has decided that it is void
   * @throws OfflineError `already_bundled`, `no_such_payment`, `not_ready`, `storage_failed` (then it is not voided); `refused` as
   * `refund_above_payment` when a part of it was given back already
   */
  async voidTransaction(counter: number): Promise<void> {
    const device = this.#device
    this.#runner.assertAlive()
    await device.change(async () => {
      // With both the customer would get it twice.
      const isRefunded = (refundedIn(device.journal.entries).get(counter) ?? 0) > 0
      if (isRefunded) throw new OfflineError('refused', { money: 'kept_on_device', reason: 'refund_above_payment' })
      await device.journal.byHand.void(counter, device.voidFrom)
    })
    this.#tell(counter)
  }

  /**
   * Lets a payment stand whose void cannot be read any more (`state.damaged`, `void_unreadable`): until a person decides
   * this or voids it again, it is not sent.
   *
   * @throws OfflineError `already_bundled`, `no_such_payment`, `not_ready`, `storage_failed`
   */
  async keepTransaction(counter: number): Promise<void> {
    const device = this.#device
    this.#runner.assertAlive()
    await device.change(() => device.journal.byHand.keep(counter, device.voidFrom))
    this.#runner.emitState()
  }

  /**
   * Puts a damaged record (`state.damaged`) aside, once a person has looked at it: it is shown and counted no more, holds up
   * the removal of old payments no more, and stays in the storage and in exports as it stands. It is never sent.
   *
   * @throws OfflineError `no_such_payment` when the record is not damaged or not there, `not_ready`, `storage_failed`
   */
  async dismissDamaged(counter: number): Promise<void> {
    const device = this.#device
    this.#runner.assertAlive()
    await device.change(() => device.journal.byHand.dismiss(counter))
    this.#runner.emitState()
  }

  /**
   * Brings everything up to date: sends what waits, fetches what was missed. One run at a time: a call during a run
   * shares it. Resolves however it went; see the report.
   *
   * @throws OfflineError `destroyed`, `storage_failed` when the storage cannot be read; `unexpected`, for a fault of ours
   */
  syncNow(): Promise<SyncReport> {
    return this.#runner.sync(true)
  }

  /** Payments without a final outcome, oldest first: on the device, under way, or waiting for a person. */
  getPendingTransactions(): readonly OfflinePayment[] {
    return this.#views((entry) => !isDone(entry) && !voidHolds(entry))
  }

  /** All payments on the device, oldest first. */
  getTransactions(): readonly OfflinePayment[] {
    return this.#views(() => true)
  }

  /** @param localId `<device_id>/<counter>` */
  getTransaction(localId: string): OfflinePayment | undefined {
    const parsed = parseLocalId(localId)
    if (parsed?.deviceId !== this.#device.deviceId) return undefined
    const entry = this.#device.journal.entry(parsed.counter)
    return entry && this.#views((one) => one === entry)[0]
  }

  /**
   * What may still be taken today.
   *
   * @throws OfflineError `not_ready`
   */
  getLimits(): Limits {
    const device = this.#device
    return limitsAt(device.clock.nowMs(), device.journal.entries, device.state)
  }

  /**
   * Signs the bundle in flight, or one of what waits, for another device to carry to the edge. A sync sends the same sealed
   * bytes, so both may arrive. A payment in it cannot be voided any more.
   *
   * @returns undefined when nothing waits
   * @throws OfflineError `not_ready`, `chain_in_doubt`, `key_missing`, `key_locked`, `key_mismatch`, `storage_failed`,
   * `destroyed`
   */
  async sealForRelay(): Promise<RelayBundle | undefined> {
    this.#runner.assertAlive()
    const relay = await sealForRelay(this.#runner.deps)
    this.#runner.emitState()
    return relay
  }

  /**
   * Takes the receipt that a carrier brought back.
   *
   * @param receipt the signed receipt, as `BundleCarrier` holds it and a QR code shows it
   * @returns the payments that are acknowledged now; none when that was known
   * @throws OfflineError `answer_invalid` when it is not the edge's receipt for a bundle of this device, `not_ready`,
   * `storage_failed`, `destroyed`
   */
  async acceptRelayedReceipt(receipt: Uint8Array): Promise<readonly OfflinePayment[]> {
    this.#runner.assertAlive()
    const entries = await this.#device.syncing(() => acceptRelayed(this.#runner.deps, receipt))
    for (const entry of entries) this.#runner.changed(entry)
    this.#runner.emitState()
    const acknowledged = new Set(entries)
    return this.#views((entry) => acknowledged.has(entry))
  }

  /**
   * An encrypted file with everything that no receipt covers: payments, damaged records as they stand, the bundle in
   * flight, the place in the chain. To be made before a storage is cleared by force; `openExport` reads it. Where the
   * device's state cannot be read, it has every record as it stands besides.
   *
   * @param secret a passphrase of at least 8 characters, or a key of 32 bytes
   * @throws RangeError when the secret is shorter
   * @throws OfflineError `storage_failed` when the storage cannot be read
   */
  async exportUnsynced(secret: string | Uint8Array): Promise<Uint8Array> {
    const content = await this.#device.look(() => unsyncedOf(this.#device))
    return sealExport(content, secret, this.#options)
  }

  /**
   * Takes over what `exportUnsynced` saved, on a device that was enrolled again under the same id: before `initialize()`, so
   * that no new payment gets one of their numbers. The payments keep their numbers, so each is settled once, also when
   * some had arrived already. May be repeated, and must be when it was cut off or its answer lost.
   *
   * @param secret the one that the file was made with
   * @param options.renumber local ids out of `numberUsed`, once a person has made sure that the server lacks these payments
   * @throws OfflineError `network_failed`, `timed_out` and what else keeps a device from its first contact: nothing has
   * changed; `chain_conflict`, `storage_failed`, `destroyed`
   */
  async restoreUnsynced(
    file: Uint8Array,
    secret: string | Uint8Array,
    { renumber = [] }: { readonly renumber?: readonly string[] } = {},
  ): Promise<RestoreResult> {
    const content = await openExport(file, secret, this.#options.fileCrypto)
    const payments = content && returningOf(content)
    if (content === undefined || payments === undefined) return { status: 'unreadable' }
    const { deviceId } = content
    if (deviceId !== this.#device.deviceId) return { status: 'other_device', deviceId }
    return this.#runner.restore(content, payments, new Set(renumber))
  }

  /** Payments out of this device's wallet that others took without its holder's word, and that wait for it, oldest first. */
  claims(): readonly OpenClaim[] {
    return openClaims(this.#runner.deps)
  }

  /**
   * Answers one of `claims()`: `confirm`, and it is paid if the money is there; `refuse`, and it is not. The first answer to
   * a claim stands. Needs a network.
   *
   * @throws OfflineError `no_such_claim`, `state_conflict` when the other answer was given before, `network_failed` and what
   * else keeps it from the edge (the same answer may then be given again), `key_missing`, `key_locked`, `key_mismatch`,
   * `storage_failed`, `destroyed`
   */
  async answerClaim(localId: string, choice: ClaimChoice): Promise<void> {
    this.#runner.assertAlive()
    try {
      await answerClaim(this.#runner.deps, localId, choice)
    } finally {
      // Also when the other answer was first: the claim is gone all the same.
      this.#runner.emitState()
    }
  }

  /**
   * Payments out of this device's wallet that its holder's mandate paid without asking, the newest first: who got how much, when,
   * from which till. The newest 50 that were not given back, as of the last sync.
   */
  mandated(): readonly MandatedPayment[] {
    return mandatedPayments(this.#runner.deps)
  }

  /** What this device shows, as one QR code, to a device of the same wallet that pays: it asks for its consent. */
  consentRequest(): Promise<Uint8Array> {
    this.#runner.assertAlive()
    return consentRequest(this.#runner.deps)
  }

  /**
   * Consents that another device of the same wallet pays too, until this device's own consent ends at the latest. Show the person
   * `readConsentRequest(request)` and ask for the PIN first: whoever has the other device can then spend what is in the wallet.
   * Needs no network.
   *
   * @param request what the other device's `consentRequest()` gave
   * @returns what it brings to the edge (`useConsent`), small enough for one QR code
   * @throws OfflineError `consent_required` when this device does not pay itself, `consent_invalid` for another wallet's request,
   * `not_ready`, `key_missing`, `key_locked`, `key_mismatch`, `destroyed`
   */
  consentTo(request: Uint8Array, { validDays }: { readonly validDays?: number } = {}): Promise<Uint8Array> {
    this.#runner.assertAlive()
    return consentTo(this.#runner.deps, request, validDays)
  }

  /**
   * Brings another device's consent to the edge, and asks what it gives: afterwards `profile.paysUntilMs` says until when. Needs a
   * network; the same consent may be brought again.
   *
   * @throws OfflineError `consent_invalid` when it is for another device or key, `consent_required` when the device that gave it
   * does not pay itself, `state_conflict` when it was withdrawn since, `network_failed` and what else keeps it from the edge
   */
  async useConsent(consent: Uint8Array): Promise<void> {
    this.#runner.assertAlive()
    await useConsent(this.#runner.deps, consent)
    await this.#runner.sync(false)
  }

  /**
   * Asks that a code goes to the telephone of this wallet's holder, who lets this device pay by entering it here. The same request again
   * sends no second message while the first is open, and says how far it is. Needs a network.
   *
   * @throws OfflineError `state_conflict` when the device pays already, `rate_limited` after three codes in a day, `device_suspended`,
   * `not_ready`, `network_failed` and what else keeps it from the edge, `key_missing`, `key_locked`, `key_mismatch`, `destroyed`
   */
  askConsentCode(): Promise<AskedConsentCode> {
    this.#runner.assertAlive()
    return askConsentCode(this.#runner.deps)
  }

  /**
   * Brings the code that was entered, and waits for the book's word, some seconds: afterwards `profile.paysUntilMs` says until when the
   * device pays. To enter the same code again is always safe, and costs no try. Needs a network.
   *
   * @param no of `askConsentCode()`
   * @param code eight digits; spaces and hyphens are left out
   * @throws OfflineError `consent_invalid` when it is no eight digits, `state_conflict` when it is for another request than the open
   * one, `temporarily_unavailable` while another code is judged, and what keeps it from the edge
   * @example
   * const { no } = await sdk.askConsentCode()
   * const { state } = await sdk.answerConsentCode(no, '0418 3920')
   * if (state === 'accepted') show(sdk.profile?.paysUntilMs)
   */
  async answerConsentCode(no: number, code: string): Promise<ConsentCodeResult> {
    this.#runner.assertAlive()
    const came = await answerConsentCode(this.#runner.deps, this.#options.timers, no, code)
    if (came.state === 'accepted') await this.#runner.sync(false)
    return came
  }

  /**
   * The holder's standing word for small payments that others take out of this device's wallet: each that it has room for is
   * paid without asking. What it does not cover stays a claim. A later mandate, of whichever device of the wallet, takes the place of an
   * earlier one; `paymentMax: 0, dayMax: 0` ends it. Counts from when the book has it. Needs a network.
   *
   * @throws RangeError when a payment may be more than a day, or for longer than a year
   * @throws OfflineError `not_ready` before the first contact, `mandate_above_policy` above what the policy that the device has lets
   * a mandate give, `consent_required`, `state_conflict` when a later mandate of this device is there,
   * `network_failed` and what else keeps it from the edge (it may then be given again), `key_missing`, `key_locked`,
   * `key_mismatch`, `destroyed`
   * @example
   * await sdk.mandate({ paymentMax: 1_000, dayMax: 3_000, untilMs: Date.now() + 30 * 86_400_000 })
   */
  async mandate(terms: MandateTerms): Promise<void> {
    this.#runner.assertAlive()
    await giveMandate(this.#runner.deps, terms)
  }

  /**
   * What this device shows, as one QR code, to an agent who is to approve a payment above `requireAgentApprovalAbove`. Needs no
   * network. It is good for one payment with these very terms.
   *
   * @throws OfflineError `not_ready`, `invalid_payment`
   * @example
   * const request = terms && sdk.approvalRequest(terms)
   * show(request)
   * await sdk.createOfflineTransaction({ ...terms, approval: { request, approval: await scan() } })
   */
  approvalRequest(terms: PaymentTerms): Uint8Array {
    this.#runner.assertAlive()
    return approvalRequest(this.#runner.deps, terms)
  }

  /**
   * Approves another device's payment, as the agent whose device this is. Show the person `readApprovalRequest(request)` first, and
   * ask for the PIN. The approval is good for a quarter of an hour. Needs no network. The ledger says whose wallet is an agent's: what
   * anybody else approves fails.
   *
   * @param request what the other device's `approvalRequest()` gave
   * @returns what the other device takes the payment with, small enough for one QR code
   * @throws OfflineError `approval_invalid` for a payment of this device, or from or to its owner's wallet, `consent_required` when
   * this device does not speak for its owner, `not_ready`, `key_missing`, `key_locked`, `key_mismatch`, `destroyed`
   */
  approve(request: Uint8Array): Promise<Uint8Array> {
    this.#runner.assertAlive()
    return approve(this.#runner.deps, request)
  }

  /**
   * What this till shows a payer's phone, as a QR code: the phone shows its person who asks for how much, and answers with a code that
   * `acceptAuthorization` takes. On disk before it is shown. Needs no network.
   *
   * @throws OfflineError `not_ready`, `invalid_payment`, `refused` when no payment of this amount can be taken now, `storage_failed`
   * @example
   * const { request } = await sdk.createRequest({ type: 'merchant', amount: 25_000, currency: 'XOF', receiver: 'shop-12' })
   * show(request)
   * const payment = await sdk.acceptAuthorization(await scan())
   * payment.guarantee // 'covered', or 'signed'
   */
  createRequest(terms: RequestTerms): Promise<OpenRequest> {
    this.#runner.assertAlive()
    return createRequest(this.#runner.deps, terms)
  }

  /**
   * Takes the payment that a payer's phone has signed, once all that can be checked with no network holds: the edge's signature on the
   * pass, its time, the phone's signature over this very request, and what it says of its allowance. The same answer again gives the
   * same payment.
   *
   * @param answer what the payer's phone shows
   * @param options.approval of an agent, above the policy's `requireAgentApprovalAbove`
   * @throws OfflineError `authorization_invalid` (with its `fault`), and what `createOfflineTransaction` throws
   */
  async acceptAuthorization(
    answer: Uint8Array,
    { approval, signal }: { readonly approval?: AgentApproval; readonly signal?: GivingUp } = {},
  ): Promise<TakenPayment> {
    this.#runner.assertAlive()
    const before = await answeredBefore(this.#runner.deps, answer)
    if (before !== undefined) return this.#taken(before.counter)
    const verified = await verifyAnswer(this.#runner.deps, answer)
    const terms = { ...verified.terms, authorization: verified.answer, ...(approval !== undefined && { approval }) }
    return this.#takeAndPush(terms, signal, verified.takenBefore)
  }

  /**
   * Checks a payer's answer as `acceptAuthorization` does, and takes nothing: above the policy's `requireAgentApprovalAbove` the agent is
   * shown who pays before anything is taken.
   *
   * @returns the terms that the payer has signed, for `approvalRequest`; or the payment that this answer was taken for before
   * @throws OfflineError `authorization_invalid` (with its `fault`), `not_ready`, `destroyed`
   * @example
   * const { terms } = await sdk.checkAuthorization(answer)
   * const request = sdk.approvalRequest(terms)
   * show(request)
   * await sdk.acceptAuthorization(answer, { approval: { request, approval: await scan() } })
   */
  async checkAuthorization(answer: Uint8Array): Promise<CheckedAnswer> {
    this.#runner.assertAlive()
    const before = await answeredBefore(this.#runner.deps, answer)
    if (before !== undefined) return { payment: this.#view(before.counter) }
    const { terms } = await verifyAnswer(this.#runner.deps, answer)
    return { terms }
  }

  /**
   * Signs what a till asks, as the payer: shows the person who gets how much (`userPresence` of the options), and signs that and nothing
   * else. On disk before it is shown; the same request again gets the same answer. Needs no network, and a pass that is good now.
   *
   * @param request what the till shows (`readRequest` reads it)
   * @returns what the till scans, as one QR code
   * @throws OfflineError `request_invalid`, `pass_required`, `refused` with its `reason`, `not_confirmed`, `not_ready`, `key_missing`,
   * `key_locked`, `key_mismatch`, `storage_failed`, `destroyed`
   */
  authorize(request: Uint8Array): Promise<Uint8Array> {
    this.#runner.assertAlive()
    const { userPresence } = this.#options
    if (userPresence === undefined) throw new OfflineError('pass_required')
    return authorise(this.#runner.deps, request, userPresence)
  }

  /**
   * Asks that money is held in the book for what this phone signs with no network, so that a till can be told `covered`. That it is open a
   * later notice says: `spendable()` and the pass have it then. Needs a network. To ask again for the same sends the same order.
   *
   * @throws RangeError for what is no amount
   * @throws OfflineError `not_ready`, `not_confirmed`, `allowance_above_policy`, `consent_required`, `state_conflict` while another one is
   * open, `network_failed` and what else keeps it from the edge, `key_missing`, `key_locked`, `key_mismatch`, `destroyed`
   * @example
   * await sdk.requestAllowance({ amount: 20_000, userPresence: () => askForPin() })
   */
  async requestAllowance(terms: AllowanceTerms): Promise<void> {
    this.#runner.assertAlive()
    await requestAllowance(this.#runner.deps, terms)
    await this.#runner.sync(false)
  }

  /**
   * Signs nothing more under the allowance, and has what is left given back once everything that was signed under it has arrived at the book.
   * Needs a network; where there is none, nothing is signed under it all the same, and this may be called again.
   *
   * @throws OfflineError `state_conflict` when there is none, and what keeps it from the edge
   */
  async closeAllowance(): Promise<void> {
    this.#runner.assertAlive()
    await closeAllowance(this.#runner.deps)
    await this.#runner.sync(false)
  }

  /** What is held for this phone, what of it is used, and until when; undefined when nothing is. */
  spendable(): Promise<Spendable | undefined> {
    this.#runner.assertAlive()
    return spendable(this.#runner.deps)
  }

  /** How the newest allowance of this phone stands, also when it is refused or closed; undefined when none was ever asked for. */
  heldAllowance(): Promise<HeldAllowance | undefined> {
    this.#runner.assertAlive()
    return heldAllowance(this.#runner.deps)
  }

  /** What this phone has signed for others, the newest first: 200 at the most. */
  authorized(): Promise<readonly SignedPayment[]> {
    this.#runner.assertAlive()
    return signedPayments(this.#runner.deps)
  }

  /**
   * All that others' devices took, or may take, out of this device's wallet, the newest first, with what became of it as of the last
   * sync: what this phone has signed, what the wallet's other phones have, claims that the holder has confirmed, and mandated debits.
   */
  statement(): Promise<readonly StatementLine[]> {
    this.#runner.assertAlive()
    return statement(this.#runner.deps)
  }

  /** Until when this phone can sign with no network, and for how much at a time; undefined without a pass. */
  get pass(): Pass | undefined {
    return currentPass(this.#runner.deps)
  }

  /** @returns a function that removes the listener */
  on<Name extends keyof OfflineEvents>(event: Name, listener: (value: OfflineEvents[Name]) => void): () => void {
    return this.#runner.events.on(event, listener)
  }

  /** Stops timers, waits for what is being written or sent, and says what would be lost if the storage were cleared. */
  async destroy(): Promise<DestroyReport> {
    await this.#runner.end()
    return leftBehind(this.#device)
  }

  async #take(
    terms: PaymentTerms | RefundTerms,
    givingUp: GivingUp | undefined,
    before: Before | undefined,
  ): Promise<Entry> {
    const { timers } = this.#options
    const entry = await take(this.#device, terms, () => this.#runner.status, { timers, givingUp, before })
    this.#runner.changed(entry)
    this.#runner.emitState()
    if (this.#runner.isAlive) this.#runner.auto.afterPayment()
    return entry
  }

  async #voidUnlessSent(counter: number): Promise<void> {
    try {
      await voidUnlessSent(this.#device, counter)
    } finally {
      this.#tell(counter)
    }
  }

  get #reach(): Reach {
    const { timers, onlineWithinMs } = this.#options
    return { timers, withinMs: onlineWithinMs, sync: () => this.#runner.sync(false) }
  }

  #tell(counter: number): void {
    const entry = this.#device.journal.entry(counter)
    if (entry) this.#runner.changed(entry)
    this.#runner.emitState()
  }

  #isAdmitted(counter: number): boolean {
    return this.#device.journal.entry(counter)?.admitted !== undefined
  }

  #taken(counter: number): TakenPayment {
    return { ...this.#view(counter), taken: this.#isAdmitted(counter) ? 'online' : 'offline' }
  }

  #view(counter: number): OfflinePayment {
    const [view] = this.#views((entry) => entry.counter === counter)
    if (view === undefined) throw new Error('a payment without terms')
    return view
  }

  #views(wanted: (entry: Entry) => boolean): readonly OfflinePayment[] {
    const { entries } = this.#device.journal
    const refunded = refundedIn(entries)
    return entries
      .filter(wanted)
      .flatMap((entry) => viewOf(this.#device, entry, refunded.get(entry.counter) ?? 0) ?? [])
  }
}
