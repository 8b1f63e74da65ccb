import { DurableObject } from 'cloudflare:workers'
import { dayNames } from '../../src/crypto/day-names.ts'
import { configOf } from '../../src/edge/config.ts'
import { logger } from '../../src/edge/log.ts'
import type {
  BundleRow,
  Indexed,
  IndexMessage,
  RebuiltPlaces,
  ShownFrom,
  ShownPart,
} from '../../src/edge/store/index-message.ts'
import type { SignedAllowanceOrder } from '../../src/protocol/allowances.ts'
import { equalBytes } from '../../src/protocol/bytes.ts'
import type { ClaimChoice, SignedClaimAnswer } from '../../src/protocol/claims.ts'
import type { ConsentGiver } from '../../src/protocol/consent.ts'
import type { SignedConsentWord } from '../../src/protocol/consent-word.ts'
import { parseUlid } from '../../src/protocol/ids.ts'
import type { SignedMandate } from '../../src/protocol/mandates.ts'
import type { DeviceKey, DeviceStatus } from '../../src/protocol/messages.ts'
import { type Err, err, ok, type Result } from '../../src/protocol/result.ts'
import type { Reservation, Reserved } from '../person/reservation.ts'
import { Admissions } from './admit/admissions.ts'
import type { StandingRefusal } from './admit/keys.ts'
import type { AdmitAnswer, AdmitRefusal, AdmitRequest } from './admit-request.ts'
import type { Ballot, ReversalBallot, VoteResult } from './ballot.ts'
import { type DeviceBindings, personStub } from './bindings.ts'
import { Originals } from './bytes/originals.ts'
import type { ShownCode } from './code.ts'
import { type DeviceDescription, describeDevice } from './description.ts'
import type { DeviceRegistration, Identity, Owner } from './device.ts'
import { identityOf, ownerOf } from './identity.ts'
import { type Asked, type NoticeParts, readNotice } from './notice.ts'
import type { Original } from './original.ts'
import { Delivery } from './owed/delivery.ts'
import { bundleRow } from './owed/projection.ts'
import { readPlaces, readShown, type ShownPlaces } from './owed/shown.ts'
import { Administration, type ProvenCode } from './people/administration.ts'
import { keepAnswer } from './people/answering.ts'
import type { CodeRefusal, CodeResult } from './people/code-asking.ts'
import type { PayingGiver, WordRefusal } from './people/consenting.ts'
import { Consents } from './people/consents.ts'
import { endLostWords } from './people/givers.ts'
import { type HolderRefusal, type TakenWord, takeWord } from './people/holders-word.ts'
import { keepMandate } from './people/mandating.ts'
import { hasAnswered } from './people/once.ts'
import { keepOrder } from './people/ordering.ts'
import { Votes } from './people/votes.ts'
import type { Actor, ChangeRefusal, Person } from './person.ts'
import { confirm } from './settle/confirming.ts'
import type { ShownConsents } from './shown-consents.ts'
import { hasAuditRecord, writeAuditRecord } from './sql/audit-store.ts'
import { readBundle } from './sql/bundle-store.ts'
import { readDevice, readOwing } from './sql/device-store.ts'
import { type Evidence, readEvidence } from './sql/evidence-store.ts'
import type { OwedSummary } from './sql/owed-store.ts'
import { hasSchema } from './sql/schema.ts'
import type { Standing } from './standing.ts'
import { Upkeep } from './upkeep.ts'

type NotFound = 'not_found'

/**
 * The Device Object: the only writer of one device's facts.
 *
 *   admit: read → decide → sign the receipt → write all of it in one transaction → deliver (admit/admissions.ts)
 *   people: a registration, a status, a key (people/administration.ts), a vote (people/votes.ts)
 *   holder: what the owner says with this device (people/holders-word.ts)
 *   confirm: apply what the reconciler says (settle/confirming.ts) → hand the rows to whoever shows them
 *   alarm: end what waited too long, send again what is still owed (upkeep.ts)
 *
 * This file wires; the decisions are pure and elsewhere. Each method that may refuse answers with a `Result`; a device that
 * was never registered is `not_found`, but to devices, which are told `invalid_signature`.
 */
export class DeviceObject extends DurableObject<DeviceBindings> {
  readonly #sql: SqlStorage
  readonly #delivery: Delivery
  readonly #administration: Administration
  readonly #consents: Consents
  readonly #votes: Votes
  readonly #originals: Originals
  readonly #upkeep: Upkeep
  readonly #admissions: Admissions
  #registered: boolean

  constructor(ctx: DurableObjectState, env: DeviceBindings) {
    super(ctx, env)
    this.#sql = ctx.storage.sql
    this.#registered = hasSchema(this.#sql)
    this.#delivery = new Delivery(ctx, env)
    this.#administration = new Administration(ctx.storage, this.#delivery)
    const keys = () => configOf(env).keys()
    this.#admissions = new Admissions(ctx.storage, this.#delivery, keys, () => this.#askGivers())
    this.#consents = new Consents(ctx.storage, this.#delivery, keys)
    this.#originals = new Originals(ctx.storage, env)
    this.#votes = new Votes(ctx.storage, this.#delivery, {
      keys,
      original: async ({ bundleId }) => (await this.#originals.find([bundleId]))[0]?.bundle,
      expire: () => this.#administration.expire(),
      reserve: (actor, asked) => this.#reserve(actor, asked),
      dayNames: async (atMs, wallets) => dayNames(await configOf(env).reviewPseudonymKey(), atMs, wallets),
    })
    this.#upkeep = new Upkeep(ctx.storage, this.#delivery, {
      expire: () => this.#administration.expire(),
      originals: this.#originals,
      config: () => configOf(env),
      askGivers: () => this.#askGivers(),
    })
    // An alarm that was lost must not leave anything owed for ever.
    if (this.#registered) ctx.blockConcurrencyWhile(() => this.#delivery.rearm())
  }

  /** Registers the device. Repeating it with the same facts changes nothing. */
  register(
    facts: DeviceRegistration,
    by: Person,
  ): Result<'registered' | 'exists', 'device_exists' | 'idempotency_conflict'> {
    const result = this.#administration.register(facts, by, this.#registered)
    this.#registered = hasSchema(this.#sql)
    return result
  }

  /** Registers the device, or gives it a new key, by a one-time code that was proven. */
  enrol(
    facts: DeviceRegistration,
    code: ProvenCode,
    by: Actor,
  ): Result<'registered' | 'exists', 'enrolment_code_invalid'> {
    const result = this.#administration.enrol(facts, code, by, this.#registered)
    this.#registered = hasSchema(this.#sql)
    return result
  }

  /** Whether this very request was made before, and its change with it. */
  hasAnswered(by: Person): boolean {
    return this.#registered && hasAnswered(this.#sql, by)
  }

  /** Reads only, for any device id: an unknown one leaves no trace. */
  identity(): Result<Identity, NotFound> {
    if (!this.#registered) return NOT_FOUND
    return ok(identityOf(readDevice(this.#sql)))
  }

  /** Steps 8–11 of a push. The receipt exists if and only if the admission was committed. */
  async admit(request: AdmitRequest): Promise<Result<AdmitAnswer, AdmitRefusal>> {
    if (!this.#registered) return err('invalid_signature')
    return this.#admissions.admit(request)
  }

  /** The receipt of an admitted bundle, for a push that cannot be opened any more (its key was retired meanwhile). */
  findReceipt(
    request: Pick<AdmitRequest, 'claims' | 'digest' | keyof Asked>,
  ): Result<AdmitAnswer, NotFound | StandingRefusal> {
    return this.#registered ? this.#admissions.findReceipt(request) : NOT_FOUND
  }

  /**
   * What the device missed. One that is suspended must learn; whoever holds the key of a revoked one is not its owner.
   *
   * @param kid of the key that signed the request: the Worker may have verified it with a copy that is not true any more
   */
  notice(kid: Uint8Array, asked: Asked): Result<NoticeParts, 'invalid_signature' | 'device_revoked'> {
    if (!this.#registered) return err('invalid_signature')
    const device = readDevice(this.#sql)
    if (!equalBytes(device.kid, kid)) return err('invalid_signature')
    if (device.status === 'revoked') return err('device_revoked')
    return ok(readNotice(this.#sql, device, asked, Date.now()))
  }

  /**
   * The owner answers a claim on the owner's wallet, with this device.
   *
   * @param encoded the signed answer, whose signature the Worker has verified
   * @returns the choice that stands
   */
  async answerClaim(
    signed: SignedClaimAnswer,
    encoded: Uint8Array,
    by: Omit<Actor, 'actor'>,
  ): Promise<Result<ClaimChoice, HolderRefusal>> {
    return this.#takeWord((nowMs) => keepAnswer(this.#sql, signed, encoded, { ...by, actor: 'device' }, nowMs))
  }

  /**
   * The owner gives a mandate for small debits, or ends it, with this device.
   *
   * @param encoded the signed mandate, whose signature the Worker has verified
   */
  async giveMandate(
    signed: SignedMandate,
    encoded: Uint8Array,
    by: Omit<Actor, 'actor'>,
  ): Promise<Result<void, HolderRefusal>> {
    return this.#takeWord((nowMs) => keepMandate(this.#sql, signed, encoded, { ...by, actor: 'device' }, nowMs))
  }

  /**
   * The owner wants an allowance opened or closed, for this device.
   *
   * @param encoded the signed order, whose signature the Worker has verified
   */
  async orderAllowance(
    signed: SignedAllowanceOrder,
    encoded: Uint8Array,
    by: Omit<Actor, 'actor'>,
  ): Promise<Result<void, HolderRefusal>> {
    return this.#takeWord((nowMs) => keepOrder(this.#sql, signed, encoded, { ...by, actor: 'device' }, nowMs))
  }

  async #takeWord<Stands>(
    keep: (nowMs: number) => Result<TakenWord<Stands>, HolderRefusal>,
  ): Promise<Result<Stands, HolderRefusal>> {
    if (!this.#registered) return err('invalid_signature')
    if (!(await this.#askGivers())) return err('temporarily_unavailable')
    return takeWord(this.ctx.storage, this.#delivery, keep)
  }

  /**
   * Applies what the reconciler has recorded and settled.
   *
   * @param encoded what its call says of this device
   * @returns what the caller shows in the read model
   */
  confirm(encoded: Uint8Array, requestId?: string): Result<readonly IndexMessage[], NotFound | 'malformed'> {
    return this.#registered ? confirm(this.ctx.storage, this.#delivery, encoded, requestId) : NOT_FOUND
  }

  /** The read model did not take the rows of these bundles, which `confirm` had handed out. */
  notShown(seqs: readonly number[]): void {
    if (this.#registered) this.#delivery.oweIndex(seqs)
  }

  /** What is indexed now: told by whoever wrote it to the read model (src/edge/store/consume-index.ts). */
  async indexed(indexed: Indexed): Promise<void> {
    if (this.#registered) await this.#delivery.markIndexed(indexed)
  }

  /** Where parts of what the read model shows begin (src/edge/store/ended.ts). */
  shownPlaces(sinceMs: number): Result<ShownPlaces, NotFound> {
    return this.#registered ? ok(readPlaces(this.#sql, sinceMs)) : NOT_FOUND
  }

  /** All that the read model shows of this object, part by part (src/edge/store/rebuild.ts). */
  shownRows(from: ShownFrom): Result<ShownPart, NotFound> {
    return this.#registered ? ok(readShown(this.#sql, from, Date.now())) : NOT_FOUND
  }

  /** What is shown of one bundle. @param bundleId ULID text */
  shownBundle(bundleId: string): Result<BundleRow, NotFound> {
    const id = parseUlid(bundleId)
    const bundle = this.#registered && id ? readBundle(this.#sql, id) : undefined
    return bundle === undefined ? NOT_FOUND : ok(bundleRow(readOwing(this.#sql), bundle))
  }

  /** The read model holds this part of it again. */
  async rebuilt(places: RebuiltPlaces): Promise<void> {
    if (this.#registered) await this.#delivery.markRebuilt(places)
  }

  /** All of it was made again. Saying it again, under the same request, writes nothing. */
  noteRebuilt(by: Actor, detail: Readonly<Record<string, number>>): void {
    if (!this.#registered || hasAuditRecord(this.#sql, REBUILT, by.requestId ?? '')) return
    const record = writeAuditRecord(this.#sql, Date.now(), by, REBUILT, detail)
    this.#delivery.sendDevice(readDevice(this.#sql), [record])
  }

  /** Suspends, reactivates or revokes; a revoked device stays revoked. */
  setStatus(status: DeviceStatus, by: Person, reason: string): Result<Standing, ChangeRefusal> {
    return this.#registered ? this.#administration.setStatus(status, by, reason) : NOT_FOUND
  }

  rotateKey(key: DeviceKey, fate: 'retiring' | 'revoked', by: Person): Result<{ kid: string }, ChangeRefusal> {
    return this.#registered ? this.#administration.rotateKey(key, fate, by) : NOT_FOUND
  }

  /** A person asks that the device may debit its owner's wallet. @param id ULID text, that another person confirms */
  askConsent(id: string, untilMs: number, by: Person, reason: string): Result<ShownConsents, ChangeRefusal> {
    return this.#registered ? this.#consents.ask(id, untilMs, by, reason) : NOT_FOUND
  }

  async confirmConsent(id: string, by: Person, reason: string): Promise<Result<ShownConsents, ChangeRefusal>> {
    return this.#registered ? this.#consents.confirm(id, by, reason) : NOT_FOUND
  }

  /** Takes back what was given, and what is asked for. */
  withdrawConsent(by: Person, reason: string): Result<ShownConsents, ChangeRefusal> {
    return this.#registered ? this.#consents.withdraw(by, reason) : NOT_FOUND
  }

  /**
   * The device brings the word of a paying device of the same wallet.
   *
   * @param signed whose signature, and whose giver, the Worker has verified
   */
  async takeConsentWord(
    signed: SignedConsentWord,
    encoded: Uint8Array,
    giver: PayingGiver,
    by: Omit<Actor, 'actor'>,
  ): Promise<Result<{ readonly untilMs: number }, WordRefusal>> {
    if (!this.#registered) return err('invalid_signature')
    return this.#consents.takeWord(signed, encoded, giver, { ...by, actor: 'device' })
  }

  /** The device asks for a code to its wallet's holder. @param kid of the key that signed */
  askCode(kid: Uint8Array, by: Omit<Actor, 'actor'>): Result<ShownCode, CodeRefusal> {
    if (!this.#registered) return err('invalid_signature')
    return this.#consents.codes.ask(kid, { ...by, actor: 'device' })
  }

  /** What was entered as that code. To send it again is always safe, and says how far the book is. */
  async answerCode(
    kid: Uint8Array,
    no: number,
    digits: string,
    by: Omit<Actor, 'actor'>,
  ): Promise<Result<CodeResult, CodeRefusal>> {
    if (!this.#registered) return err('invalid_signature')
    return this.#consents.codes.answer(kid, no, digits, { ...by, actor: 'device' })
  }

  /** These givers do not pay any more: neither does this device by their word. */
  endConsentsOf(givers: readonly ConsentGiver[]): void {
    if (this.#registered) this.#consents.endWordsOf(givers, { actor: 'system' })
  }

  async review(ballot: Ballot, by: Person): Promise<Result<readonly VoteResult[], ChangeRefusal>> {
    return this.#registered ? this.#votes.review(ballot, by) : NOT_FOUND
  }

  async reverse(ballot: ReversalBallot, by: Person): Promise<Result<readonly VoteResult[], ChangeRefusal>> {
    return this.#registered ? this.#votes.reverse(ballot, by) : NOT_FOUND
  }

  /** Facts for operators, without anything personal. */
  describe(): Result<DeviceDescription, NotFound> {
    if (!this.#registered) return NOT_FOUND
    return ok(describeDevice(this.#sql, configOf(this.env).scorer.takesEscalations, Date.now()))
  }

  /** Signed bundles and receipts of these ids, from here or from the bucket. */
  async originals(bundleIds: readonly Uint8Array[]): Promise<Result<readonly Original[], NotFound>> {
    return this.#registered ? ok(await this.#originals.find(bundleIds)) : NOT_FOUND
  }

  /** Bundles of this device that contradict each other. */
  async evidence(): Promise<Result<{ readonly tenant: string; readonly evidence: readonly Evidence[] }, NotFound>> {
    if (!this.#registered) return NOT_FOUND
    const evidence = await this.#originals.beside(readEvidence(this.#sql))
    return ok({ tenant: readOwing(this.#sql).tenant, evidence })
  }

  /** For a dry run of a policy, and for a code that enrols the device again. */
  owner(): Result<Owner, NotFound> {
    return this.#registered ? ok(ownerOf(readDevice(this.#sql))) : NOT_FOUND
  }

  /** The sweep's call. */
  async wake(): Promise<Result<OwedSummary, NotFound>> {
    if (!this.#registered) return NOT_FOUND
    return ok(await this.#upkeep.wake())
  }

  override async alarm(): Promise<void> {
    if (this.#registered) await this.#upkeep.alarm()
  }

  /** @returns whether it is known of those who gave this device something whether they pay still */
  #askGivers(): Promise<boolean> {
    const { DEVICE } = this.env
    return endLostWords(this.#sql, this.#consents, (id) => DEVICE.get(DEVICE.idFromName(id)).identity())
  }

  async #reserve(actor: string, asked: Reservation): Promise<Reserved | undefined> {
    try {
      return await personStub(this.env, actor).reserve(asked)
    } catch (error) {
      logger.warn('the person object does not answer; the vote is not counted', { error })
      return undefined
    }
  }
}

const REBUILT = 'read_model_rebuilt'
const NOT_FOUND: Err<NotFound> = err('not_found')
