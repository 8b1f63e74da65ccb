import { sealSettleMessage } from '../../../src/crypto/settle-message.ts'
import { configOf } from '../../../src/edge/config.ts'
import { logger } from '../../../src/edge/log.ts'
import type { AuditRow, Indexed, IndexMessage, RebuiltPlaces } from '../../../src/edge/store/index-message.ts'
import { sealIndexMessage } from '../../../src/edge/store/seal-index.ts'
import type { HolderMessage, SettleMessage } from '../../../src/protocol/messages.ts'
import type { Resolution } from '../ballot.ts'
import { countryStub, type DeviceBindings } from '../bindings.ts'
import type { StoredBundle } from '../bundle.ts'
import type { Device, Owing } from '../device.ts'
import { expiresAtMs } from '../people/ending.ts'
import { readOwedOrders } from '../sql/allowance-store.ts'
import { type AuditRecord, readAudit } from '../sql/audit-store.ts'
import { readOwed } from '../sql/bundle-store.ts'
import { readOwedAnswers } from '../sql/claim-store.ts'
import { readDevice, readOwing } from '../sql/device-store.ts'
import { readOwedMandates } from '../sql/mandate-store.ts'
import { markIndexed, markRebuilt, markUnindexed, readDue } from '../sql/owed-store.ts'
import { readOwedResolutions } from '../sql/resolution-store.ts'
import { auditMessages, bytesAtMost, fitting, INDEX_MESSAGE_BYTES_MAX, withAudit } from './index-messages.ts'
import { markListed, owesListing, readListing } from './listing.ts'
import {
  ALARM_LATE_MAX_MS,
  answerMessageOf,
  BACKOFF_MAX_MS,
  deviceIndexMessageOf,
  deviceMessageOf,
  type Ended,
  INDEX_PATIENCE_MS,
  indexMessageOf,
  mandateMessageOf,
  NEXT_PAGE_MS,
  nextAttemptMs,
  OWED_PER_ALARM,
  orderMessageOf,
  resolutionMessageOf,
  SETTLE_PATIENCE_MS,
  settleMessageOf,
  WATCH_MS,
} from './owed.ts'

/**
 * Gets what an object owes to the queues: once right after the change, and again until the reconciler and the writer of the
 * read model have said that they hold it. The first message of an admitted bundle is the Worker's. A queue may fail, or lose
 * everything it held; that delays, and loses nothing. The object of the country is
 * told by a call, with what people must see of the device.
 */
export class Delivery {
  readonly #ctx: DurableObjectState
  readonly #env: DeviceBindings
  /** Where the next page of a long backlog begins; 0 at its start. */
  #resendAfter = 0
  /** When the alarm will run, as far as this instance knows; spares a write for each push. */
  #alarmAtMs: number | undefined
  /** Bundles that this instance admitted and nobody has settled, and the timer that runs while there are any. */
  readonly #unsettled = new Set<number>()
  #patience: ReturnType<typeof setTimeout> | undefined
  #isListing = false
  /** Calls to the object of the country, one after the other, that failed. */
  #listingsFailed = 0

  constructor(ctx: DurableObjectState, env: DeviceBindings) {
    this.#ctx = ctx
    this.#env = env
  }

  /**
   * A bundle was admitted. The Worker tells the reconciler (src/edge/ingest/settle-sender.ts), and the reconciler the read
   * model once the bundle is settled. When that takes longer than a moment this instance tells the read model, and a while
   * later the reconciler; were it gone by then, an alarm does. What people must look at is told at once.
   *
   * @param hasRaised whether the admission itself raised something
   */
  watchBundle(device: Device, bundle: StoredBundle, hasRaised: boolean): void {
    // A claim waits for its payer, and nobody who looks at lists.
    const isUsual = bundle.status === 'pushed' || bundle.status === 'claimed'
    if (!isUsual || hasRaised) {
      this.sendIndex(device, [bundle])
      return
    }
    this.#arm(Date.now() + WATCH_MS)
    this.#unsettled.add(bundle.seq)
    this.#patience ??= setTimeout(() => {
      this.#patience = undefined
      this.#unsettled.clear()
      this.#resend()
    }, INDEX_PATIENCE_MS)
  }

  /** The caller shows these rows in the read model, or says that it could not (`oweIndex`). */
  handOver(device: Owing, bundles: readonly StoredBundle[]): readonly IndexMessage[] {
    for (const { seq } of bundles) this.#unsettled.delete(seq)
    if (this.#unsettled.size === 0 && this.#patience !== undefined) {
      clearTimeout(this.#patience)
      this.#patience = undefined
    }
    for (const atMs of bundles.flatMap((bundle) => expiresAtMs(bundle) ?? [])) this.#arm(atMs)
    this.#list()
    return bundles.map((bundle) => indexMessageOf(device, bundle))
  }

  sendDevice(device: Device, audit: readonly AuditRecord[]): void {
    const nowMs = Date.now()
    this.#arm(nowMs + INDEX_PATIENCE_MS)
    this.#send([deviceMessageOf(device, nowMs)], withAudit(deviceIndexMessageOf(device), auditRows(device, audit)))
  }

  /** The owner answered a claim, gave or ended a mandate, or ordered something about an allowance. */
  sendWord(device: Owing, message: HolderMessage, audit: AuditRecord): void {
    this.#arm(Date.now() + INDEX_PATIENCE_MS)
    this.#send([message], auditMessages(auditRows(device, [audit])))
  }

  /** People voted about payments of a bundle. */
  sendVotes(
    device: Device,
    bundle: StoredBundle,
    resolutions: readonly Resolution[],
    audit: readonly AuditRecord[],
  ): void {
    this.#arm(Date.now() + INDEX_PATIENCE_MS)
    const settle = resolutions.map((resolution) => resolutionMessageOf(device, resolution))
    this.#send(settle, withAudit(indexMessageOf(device, bundle), auditRows(device, audit)))
  }

  /** Payments wait for people no more, and nobody voted. */
  sendEnded(device: Device, ended: readonly Ended[]): void {
    this.#arm(Date.now() + INDEX_PATIENCE_MS)
    const settle = ended.map(({ resolution }) => resolutionMessageOf(device, resolution))
    const index = ended.flatMap(({ bundle, audit }) => {
      return withAudit(indexMessageOf(device, bundle), auditRows(device, [audit]))
    })
    this.#send(settle, index)
  }

  /** Bundles that others see differently now. Beside them goes every audit record that the read model does not hold. */
  sendIndex(device: Owing, bundles: readonly StoredBundle[]): void {
    this.#arm(Date.now() + INDEX_PATIENCE_MS)
    const audit = readAudit(this.#ctx.storage.sql, device.auditDoneThrough, OWED_PER_ALARM)
    const [first, ...others] = bundles.map((bundle) => indexMessageOf(device, bundle))
    this.#send([], first === undefined ? [] : [...withAudit(first, auditRows(device, audit)), ...others])
  }

  /** The read model did not take what was handed over of these. */
  oweIndex(seqs: readonly number[]): void {
    const { storage } = this.#ctx
    storage.transactionSync(() => markUnindexed(storage.sql, seqs))
    this.#arm(Date.now() + INDEX_PATIENCE_MS)
  }

  /** The writer of the index queue's messages has written these: they are no longer owed to the read model. */
  async markIndexed(indexed: Indexed): Promise<void> {
    const { storage } = this.#ctx
    storage.transactionSync(() => markIndexed(storage.sql, indexed))
    if (this.#nextMs() === undefined) await this.#disarm()
  }

  /** What the read model holds was made again: some of it may be behind by now. */
  async markRebuilt(places: RebuiltPlaces): Promise<void> {
    const { storage } = this.#ctx
    storage.transactionSync(() => markRebuilt(storage.sql, places, Date.now()))
    await this.rearm()
  }

  /** Makes sure that an alarm will run while anything is owed or waits for people: one that is set and long past does not. */
  async rearm(): Promise<void> {
    const at = await this.#ctx.storage.getAlarm()
    const isComing = at !== null && at > Date.now() - ALARM_LATE_MAX_MS
    this.#alarmAtMs = isComing ? at : undefined
    const nextMs = this.#nextMs()
    if (nextMs === undefined) return
    if (!isComing) this.#arm(Date.now() + INDEX_PATIENCE_MS)
    // One that is set may be for the end of somebody's waiting, days ahead.
    else if (at > nextMs) this.#arm(nextMs)
  }

  /** The alarm. Usually all was confirmed before it runs, and it finds nothing. */
  alarm(): void {
    this.#alarmAtMs = undefined
    this.#resend()
  }

  /** Tells the object of the country what it does not have. What it does not take stays owed. */
  #list(): void {
    if (this.#isListing || !owesListing(this.#ctx.storage.sql)) return
    this.#arm(Date.now() + INDEX_PATIENCE_MS)
    this.#isListing = true
    const listed = this.#listAll().then(
      () => {
        this.#listingsFailed = 0
      },
      (error) => {
        this.#listingsFailed++
        logger.warn('the object of the country is not told what it lists; it stays owed', { error })
      },
    )
    this.#ctx.waitUntil(
      listed.finally(() => {
        this.#isListing = false
      }),
    )
  }

  /** Page by page, from where the object of the country is. What changes meanwhile goes with the next page. */
  async #listAll(): Promise<void> {
    const { sql } = this.#ctx.storage
    const { country } = readOwing(sql)
    for (let listing = readListing(sql); listing !== undefined; listing = readListing(sql)) {
      const rev = await countryStub(this.#env, country).list(listing)
      markListed(sql, rev)
      if (rev === listing.from) throw new Error('the object of the country does not go on')
    }
    if (this.#nextMs() === undefined) await this.#disarm()
  }

  /** Sends what is owed and late. Whatever fails in it, the next alarm is set first. */
  #resend(): void {
    const { sql } = this.#ctx.storage
    const nowMs = Date.now()
    const nextMs = this.#nextMs()
    if (nextMs === undefined) return
    this.#arm(nextMs)
    const device = readDevice(sql)
    const late = (sinceMs: number, patienceMs: number) => nowMs - sinceMs >= patienceMs
    const owed = readOwed(sql, Math.max(device.doneThrough, this.#resendAfter), OWED_PER_ALARM)
    // A long backlog goes out page by page, so that its first bundles cannot keep the others from being sent again.
    this.#resendAfter = owed.length === OWED_PER_ALARM ? (owed.at(-1)?.seq ?? 0) : 0
    if (this.#resendAfter > 0) this.#arm(nowMs + NEXT_PAGE_MS)

    const unrecorded = owed.filter((bundle) => !bundle.recorded && late(bundle.receivedAtMs, SETTLE_PATIENCE_MS))
    const settle: SettleMessage[] = unrecorded.map((bundle) => settleMessageOf(device, bundle))
    const resolutions = readOwedResolutions(sql, OWED_PER_ALARM).filter(({ atMs }) => late(atMs, SETTLE_PATIENCE_MS))
    settle.push(...resolutions.map((resolution) => resolutionMessageOf(device, resolution)))
    const answers = readOwedAnswers(sql, OWED_PER_ALARM).filter(({ atMs }) => late(atMs, SETTLE_PATIENCE_MS))
    settle.push(...answers.map((answer) => answerMessageOf(device, answer)))
    const mandates = readOwedMandates(sql, OWED_PER_ALARM).filter(({ atMs }) => late(atMs, SETTLE_PATIENCE_MS))
    settle.push(...mandates.map((mandate) => mandateMessageOf(device, mandate)))
    const orders = readOwedOrders(sql, OWED_PER_ALARM).filter(({ atMs }) => late(atMs, SETTLE_PATIENCE_MS))
    settle.push(...orders.map((order) => orderMessageOf(device, order)))
    const factsAreLate = (patienceMs: number) => late(device.factsAtMs, patienceMs)
    if (device.recordedRev < device.rev && factsAreLate(SETTLE_PATIENCE_MS))
      settle.unshift(deviceMessageOf(device, nowMs))

    const unindexed = owed.filter(
      (bundle) => bundle.indexedRev < bundle.rev && late(bundle.updatedAtMs, INDEX_PATIENCE_MS),
    )
    const index: IndexMessage[] = unindexed.map((bundle) => indexMessageOf(device, bundle))
    if (device.indexedRev < device.rev && factsAreLate(INDEX_PATIENCE_MS)) index.push(deviceIndexMessageOf(device))
    const audit = readAudit(sql, device.auditDoneThrough, OWED_PER_ALARM)
    const auditIsLate = audit.some(({ at }) => late(at, INDEX_PATIENCE_MS))
    // In messages of their own: one that cannot be delivered may not take along, each time, what goes with it.
    if (index.length > 0 || auditIsLate) index.push(...auditMessages(auditRows(device, audit)))
    this.#send(settle, index)
  }

  /** When the alarm is to run. @returns undefined when nothing is owed and nothing waits for people */
  #nextMs(): number | undefined {
    const nowMs = Date.now()
    const { scorer } = configOf(this.#env)
    const due = readDue(this.#ctx.storage.sql, scorer.takesEscalations)
    const attempt = ({ sinceMs }: { sinceMs: number | null }, patienceMs: number) =>
      sinceMs === null ? [] : [nextAttemptMs(sinceMs, patienceMs, nowMs, Math.random())]
    const attempts = [
      ...(due.expiryMs === null ? [] : [due.expiryMs]),
      ...attempt(due.settle, SETTLE_PATIENCE_MS),
      ...attempt(due.index, INDEX_PATIENCE_MS),
      ...attempt(due.escalations, INDEX_PATIENCE_MS),
      ...(due.owesListing ? [this.#nextListingMs(nowMs)] : []),
    ]
    return attempts.length === 0 ? undefined : Math.min(...attempts)
  }

  /** The pauses double while the object of the country does not answer. */
  #nextListingMs(nowMs: number): number {
    const pauseMs = Math.min(INDEX_PATIENCE_MS * 2 ** this.#listingsFailed, BACKOFF_MAX_MS)
    return nextAttemptMs(nowMs - pauseMs, INDEX_PATIENCE_MS, nowMs, Math.random())
  }

  #arm(atMs: number): void {
    // An alarm of the past has run, or was lost; it must not keep the next one from being set.
    if (this.#alarmAtMs !== undefined && this.#alarmAtMs > Date.now() && this.#alarmAtMs <= atMs) return
    this.#alarmAtMs = atMs
    // Not awaited: it commits together with the writes around it.
    void this.#ctx.storage.setAlarm(atMs)
  }

  async #disarm(): Promise<void> {
    this.#alarmAtMs = undefined
    await this.#ctx.storage.deleteAlarm()
  }

  /** Sends without making the caller wait. What does not arrive stays owed. */
  #send(settle: readonly SettleMessage[], index: readonly IndexMessage[]): void {
    this.#list()
    const sends = [
      // Async, so that one that throws at once is a message that was not taken, and not a push that failed.
      ...settle.map(async (message) => {
        const body = await sealSettleMessage(message, () => configOf(this.#env).keys())
        await this.#env.SETTLE_QUEUE.send(body, { contentType: 'bytes' })
      }),
      ...index.flatMap(fitting).map(async (body) => {
        if (bytesAtMost(body) > INDEX_MESSAGE_BYTES_MAX) throw new RangeError('message to the read model too large')
        const key = await configOf(this.#env).macKey('index_message')
        await this.#env.INDEX_QUEUE.send(await sealIndexMessage(body, key), { contentType: 'v8' })
      }),
    ]
    this.#ctx.waitUntil(
      Promise.allSettled(sends).then((results) => {
        const failed = results.filter(({ status }) => status === 'rejected')
        if (failed.length === 0) return
        const [{ reason: error }] = failed as [PromiseRejectedResult]
        logger.warn('queue did not take messages; they stay owed', { failed: failed.length, error })
      }),
    )
  }
}

export function auditRows({ deviceId, tenant }: Owing, audit: readonly AuditRecord[]): AuditRow[] {
  return audit.map((record) => ({ ...record, id: `${deviceId}/${record.id}`, deviceId, tenant }))
}
