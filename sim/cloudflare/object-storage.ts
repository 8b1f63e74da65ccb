import type { Life } from './life.ts'
import { ObjectDatabase } from './object-database.ts'
import { atSomeAwait, type Platform } from './platform.ts'
import { sqlStorage } from './sql-storage.ts'

/** What of an object outlives its instances: what was committed. */
export class ObjectDisk {
  readonly sqlite = new ObjectDatabase()
  /** The alarm that was committed. */
  alarmAtMs: number | null = null
  /** Called when an alarm, or that there is none, was committed. */
  alarmChanged: () => void = () => undefined
}

/** From a write to its commit, and from there to the news of it, milliseconds. */
const COMMIT_MS = 3
const CONFIRM_MS = 6

/**
 * `ctx.storage` of one instance. What was written since the last commit stands in one transaction, the alarm with it. It is
 * committed at some later await, so that writes without an await between them are kept or lost together; and it is
 * known to be committed later still. A death in between keeps the writes and loses the answer.
 */
export class ObjectStorage {
  readonly sql: ReturnType<typeof sqlStorage>
  readonly #disk: ObjectDisk
  readonly #life: Life
  readonly #platform: Platform
  #alarmAtMs: number | null
  /** While the alarm's handler runs the alarm is not set, unless the handler sets it. */
  #isHandling = false
  #isAlarmWritten = false
  #isUncommitted = false
  #unconfirmed = 0
  #confirmed: Promise<unknown> = Promise.resolve()

  constructor(disk: ObjectDisk, life: Life, platform: Platform) {
    this.#disk = disk
    this.#life = life
    this.#platform = platform
    this.#alarmAtMs = disk.alarmAtMs
    this.sql = sqlStorage(
      disk.sqlite,
      () => life.assert(),
      () => this.#writing(),
    )
  }

  transactionSync<T>(work: () => T): T {
    this.#life.assert()
    const [alarmAtMs, isHandling] = [this.#alarmAtMs, this.#isHandling]
    try {
      return this.#disk.sqlite.atomically(work)
    } catch (error) {
      this.#alarmAtMs = alarmAtMs
      this.#isHandling = isHandling
      throw error
    }
  }

  getAlarm(): Promise<number | null> {
    return this.#life.inside(async () => (this.#isHandling ? null : this.#alarmAtMs))
  }

  setAlarm(at: number | Date): Promise<void> {
    // A time of the past is now.
    return this.#writeAlarm(Math.floor(Math.max(Number(at), this.#platform.scheduler.nowMs)))
  }

  deleteAlarm(): Promise<void> {
    return this.#writeAlarm(null)
  }

  /** The output gate: nothing that was said leaves before what it rests on is durable. Never, when the instance dies first. */
  async durable(): Promise<void> {
    await this.#confirmed
  }

  get isDurable(): boolean {
    return this.#unconfirmed === 0
  }

  /** The instance has died: what was not committed was never written. */
  lose(): void {
    this.#disk.sqlite.rollback()
  }

  /** The alarm is due and its handler begins. @returns false when it is not set any more */
  alarmBegins(atMs: number): boolean {
    this.#isHandling = this.#alarmAtMs === atMs
    return this.#isHandling
  }

  /** @param isDone whether the handler returned: one that throws leaves the alarm as it was, to be tried again */
  alarmEnds(isDone: boolean): void {
    if (!this.#isHandling) return
    this.#isHandling = false
    if (isDone) void this.#writeAlarm(null)
  }

  /** Fault: the runtime has lost the alarm. */
  alarmIsLost(): void {
    this.#alarmAtMs = null
  }

  #writeAlarm(atMs: number | null): Promise<void> {
    return this.#life.inside(async () => {
      this.#writing()
      this.#alarmAtMs = atMs
      this.#isAlarmWritten = true
      this.#isHandling = false
    })
  }

  #writing(): void {
    this.#disk.sqlite.begin()
    if (this.#isUncommitted) return
    this.#isUncommitted = true
    this.#unconfirmed++
    const confirmed = Promise.withResolvers<void>()
    this.#confirmed = Promise.all([this.#confirmed, confirmed.promise])
    atSomeAwait(this.#platform, COMMIT_MS, () => {
      if (this.#life.isOver) return
      this.#commit()
      this.#platform.scheduler.after(this.#platform.random.next() * CONFIRM_MS, () => {
        if (this.#life.isOver) return
        this.#unconfirmed--
        confirmed.resolve()
      })
    })
  }

  #commit(): void {
    this.#isUncommitted = false
    this.#disk.sqlite.commit()
    if (!this.#isAlarmWritten) return
    this.#isAlarmWritten = false
    this.#disk.alarmAtMs = this.#alarmAtMs
    this.#disk.alarmChanged()
  }
}
