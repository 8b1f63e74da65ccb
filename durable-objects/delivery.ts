import { configOf } from '../src/config.ts'
import { sealSettleMessage } from '../src/crypto/settle-message.ts'
import type { Env } from '../src/env.ts'
import { logger } from '../src/log.ts'
import { ulidText } from '../src/protocol/ids.ts'
import type { SettleMessage } from '../src/protocol/messages.ts'
import type { AuditRow, IndexMessage } from '../src/store/index-message.ts'
import { readShown } from '../src/store/shown.ts'
import { readOwedDecisions } from './decision-store.ts'
import { readDevice, writeIndexed } from './device-store.ts'
import {
  decisionMessageOf,
  deviceIndexMessageOf,
  deviceMessageOf,
  INDEX_PATIENCE_MS,
  indexMessageOf,
  NEXT_PAGE_MS,
  nextAttemptMs,
  OWED_PER_ALARM,
  SETTLE_PATIENCE_MS,
  settleMessageOf,
} from './owed.ts'
import { type AuditRecord, advanceDone, markIndexed, owedSummary, readAudit, readOwed } from './owed-store.ts'
import type { Decision, Device, StoredBundle } from './types.ts'

/**
 * Gets what an object owes to the queues: once right after the change, and again by alarm until the reconciler has
 * confirmed it and D1 shows it. A queue may fail, or lose everything it held; that delays, and loses nothing.
 */
export class Delivery {
  readonly #ctx: DurableObjectState
  readonly #env: Env
  /** Where the next page of a long backlog begins; 0 at its start. */
  #resendAfter = 0
  /** When the alarm will run, as far as this instance knows; spares a write for each push. */
  #alarmAtMs: number | undefined

  constructor(ctx: DurableObjectState, env: Env) {
    this.#ctx = ctx
    this.#env = env
  }

  sendBundle(device: Device, bundle: StoredBundle, audit: readonly AuditRecord[]): void {
    this.#arm(Date.now() + SETTLE_PATIENCE_MS)
    this.#send([settleMessageOf(device, bundle)], [withAudit(indexMessageOf(device, bundle), device, audit)])
  }

  sendDevice(device: Device, audit: readonly AuditRecord[]): void {
    const nowMs = Date.now()
    this.#arm(nowMs + SETTLE_PATIENCE_MS)
    this.#send([deviceMessageOf(device, nowMs)], [withAudit(deviceIndexMessageOf(device), device, audit)])
  }

  /** People voted about payments of a bundle. */
  sendVotes(device: Device, bundle: StoredBundle, decisions: readonly Decision[], audit: readonly AuditRecord[]): void {
    this.#arm(Date.now() + SETTLE_PATIENCE_MS)
    const settle = decisions.map((decision) => decisionMessageOf(device, decision))
    this.#send(settle, [withAudit(indexMessageOf(device, bundle), device, audit)])
  }

  sendIndex(device: Device, bundles: readonly StoredBundle[], audit: readonly AuditRecord[]): void {
    this.#arm(Date.now() + INDEX_PATIENCE_MS)
    const rows = bundles.map((bundle) => indexMessageOf(device, bundle))
    this.#send([], [...rows, { audit: auditRows(device, audit) }])
  }

  /** Makes sure that an alarm is set while anything is owed. */
  async rearm(): Promise<void> {
    const at = await this.#ctx.storage.getAlarm()
    this.#alarmAtMs = at ?? undefined
    if (at === null && this.#owes()) this.#arm(Date.now() + SETTLE_PATIENCE_MS)
  }

  /** The alarm. Whatever fails in it, the next one is set first. */
  async resend(): Promise<void> {
    const { sql } = this.#ctx.storage
    const nowMs = Date.now()
    this.#alarmAtMs = undefined
    this.#arm(this.#nextAlarmMs(nowMs))
    const from = Math.max(readDevice(sql).doneThrough, this.#resendAfter)
    const owed = readOwed(sql, from, OWED_PER_ALARM)
    await this.#refreshShown(owed)

    const device = readDevice(sql)
    // A long backlog goes out page by page, so that its first bundles cannot keep the others from being sent again.
    this.#resendAfter = owed.length === OWED_PER_ALARM ? (owed.at(-1)?.seq ?? 0) : 0
    if (this.#resendAfter > 0) this.#arm(nowMs + NEXT_PAGE_MS)
    const late = (sinceMs: number, patienceMs: number) => nowMs - sinceMs >= patienceMs
    const still = readOwed(sql, from, OWED_PER_ALARM)
    const settle = still.filter((b) => !b.recorded && late(b.receivedAtMs, SETTLE_PATIENCE_MS))
    const index = still.filter((b) => b.indexedRev < b.rev && late(b.updatedAtMs, SETTLE_PATIENCE_MS))
    const audit = readAudit(sql, device.auditDoneThrough, OWED_PER_ALARM)
    const settleMessages: SettleMessage[] = settle.map((bundle) => settleMessageOf(device, bundle))
    const decisions = readOwedDecisions(sql, OWED_PER_ALARM).filter(({ atMs }) => late(atMs, SETTLE_PATIENCE_MS))
    settleMessages.push(...decisions.map((decision) => decisionMessageOf(device, decision)))
    if (device.recordedRev < device.rev) settleMessages.unshift(deviceMessageOf(device, nowMs))
    const indexMessages: IndexMessage[] = index.map((bundle) => indexMessageOf(device, bundle))
    if (device.indexedRev < device.rev) indexMessages.push(deviceIndexMessageOf(device))
    if (audit.length > 0) indexMessages.push({ audit: auditRows(device, audit) })
    this.#send(settleMessages, indexMessages)
    if (!this.#owes()) await this.#disarm()
  }

  /** Asks D1 what it shows of what is owed to it. An unreachable D1 shows nothing, and is asked again later. */
  async #refreshShown(owed: readonly StoredBundle[]): Promise<void> {
    const { sql } = this.#ctx.storage
    const device = readDevice(sql)
    const unshown = owed.filter((bundle) => bundle.indexedRev < bundle.rev)
    const audit = readAudit(sql, device.auditDoneThrough, OWED_PER_ALARM)
    if (unshown.length + audit.length === 0 && device.indexedRev === device.rev) return
    const ids = unshown.map(({ bundleId }) => ulidText(bundleId))
    const auditIds = audit.map(({ id }) => auditId(device, id))
    try {
      const shown = await readShown(this.#env.DB, device.deviceId, ids, auditIds)
      // From here on nothing awaits: what is marked is what was read, unless a newer rev was written meanwhile.
      const revs = new Map(unshown.map(({ seq, bundleId }) => [seq, shown.bundles.get(ulidText(bundleId)) ?? 0]))
      const missing = audit.find(({ id }) => !shown.audit.has(auditId(device, id)))
      this.#ctx.storage.transactionSync(() => {
        markIndexed(sql, revs)
        writeIndexed(sql, shown.deviceRev, missing === undefined ? (audit.at(-1)?.id ?? 0) : missing.id - 1)
        advanceDone(sql)
      })
    } catch (error) {
      logger.warn('read model not reachable', { deviceId: device.deviceId, error })
    }
  }

  #owes(): boolean {
    const { sql } = this.#ctx.storage
    const { settle, index } = owedSummary(sql, readDevice(sql))
    return settle + index > 0
  }

  #nextAlarmMs(nowMs: number): number {
    const { sql } = this.#ctx.storage
    const device = readDevice(sql)
    const { settle, oldestMs } = owedSummary(sql, device)
    const patienceMs = settle > 0 ? SETTLE_PATIENCE_MS : INDEX_PATIENCE_MS
    return nextAttemptMs(oldestMs ?? nowMs, patienceMs, nowMs, Math.random())
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
    const sends = [
      // Async, so that one that throws at once is a message that was not taken, and not a push that failed.
      ...settle.map(async (message) => {
        const body = await sealSettleMessage(message, () => configOf(this.#env).keys())
        await this.#env.SETTLE_QUEUE.send(body, { contentType: 'bytes' })
      }),
      ...index.map(async (body) => this.#env.INDEX_QUEUE.send(body, { contentType: 'v8' })),
    ]
    this.#ctx.waitUntil(
      Promise.allSettled(sends).then((results) => {
        const failed = results.filter(({ status }) => status === 'rejected').length
        if (failed > 0) logger.warn('queue did not take messages; they stay owed', { failed })
      }),
    )
  }
}

const auditId = (device: Device, id: number) => `${device.deviceId}/${id}`

function auditRows({ deviceId, tenant }: Device, audit: readonly AuditRecord[]): AuditRow[] {
  return audit.map((record) => ({ ...record, id: `${deviceId}/${record.id}`, deviceId, tenant }))
}

function withAudit(message: IndexMessage, device: Device, audit: readonly AuditRecord[]): IndexMessage {
  return { ...message, audit: auditRows(device, audit) }
}
