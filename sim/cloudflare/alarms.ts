import type { Waiting } from '../time/scheduler.ts'
import type { Instance, SimulatedObject } from './instance.ts'
import type { ObjectDisk } from './object-storage.ts'
import type { Platform } from './platform.ts'

/** An object: what it has stored, and its instance while there is one. */
export interface Place<T extends SimulatedObject> {
  readonly name: string
  readonly disk: ObjectDisk
  instance: Instance<T> | undefined
}

/** https://developers.cloudflare.com/durable-objects/api/alarms/: tried again after 2 s and longer, 6 times. */
const RETRIES_MAX = 6
const RETRY_MS = 2_000
/** How late an alarm runs: usually, and by the fault. */
const JITTER_MS = 50
const LATE_MS_MAX = 5 * 60_000
/** When one that has run is run once more. */
const REPEATED_MS_MAX = 30_000

/** Runs the alarm of one object: at its time or later, at least once, unless it is lost. */
export class Alarm<T extends SimulatedObject> {
  readonly #place: Place<T>
  readonly #platform: Platform
  readonly #awake: () => Instance<T>
  #waiting: Waiting | undefined
  #isRunning = false
  #failures = 0

  /** @param awake the object's instance, made when there is none */
  constructor(place: Place<T>, platform: Platform, awake: () => Instance<T>) {
    this.#place = place
    this.#platform = platform
    this.#awake = awake
  }

  /** Another alarm, or that there is none, was committed. */
  changed(): void {
    this.#failures = 0
    this.#plan()
  }

  #plan(): void {
    this.#waiting?.cancel()
    const { scheduler, random, faults } = this.#platform
    const { disk, name } = this.#place
    const atMs = disk.alarmAtMs
    if (atMs === null) return
    if (faults.strikes('alarm_lost', name)) {
      // It is either still shown as set, or gone.
      if (random.chance(0.5)) this.#lose()
      return
    }
    const lateMs = random.next() * (faults.strikes('alarm_late', name) ? LATE_MS_MAX : JITTER_MS)
    this.#waiting = scheduler.after(atMs - scheduler.nowMs + lateMs, () => void this.#run(atMs))
  }

  async #run(atMs: number): Promise<void> {
    const { scheduler, random, faults } = this.#platform
    const { disk, name } = this.#place
    // One that was set meanwhile is planned when this one has ended.
    if (this.#isRunning || disk.alarmAtMs !== atMs) return
    this.#isRunning = true
    const isDone = await this.#handle((instance) => instance.alarm(atMs))
    this.#isRunning = false
    if (isDone && faults.strikes('alarm_repeated', name)) {
      scheduler.after(random.next() * REPEATED_MS_MAX, () => void this.#handle((instance) => instance.alarmAgain()))
    }
    if (disk.alarmAtMs !== atMs) this.#plan()
    else if (this.#failures > RETRIES_MAX) this.#lose()
    else {
      const pauseMs = RETRY_MS * 2 ** Math.max(0, this.#failures - 1) * (1 + random.next() / 4)
      this.#waiting = scheduler.after(pauseMs, () => void this.#run(atMs))
    }
  }

  /** @returns whether the handler returned, and what it wrote is durable */
  async #handle(handle: (instance: Instance<T>) => Promise<void>): Promise<boolean> {
    let instance: Instance<T> | undefined
    try {
      instance = this.#awake()
      await handle(instance)
      this.#failures = 0
      return true
    } catch (error) {
      // A death is the runtime's own fault and counts for nothing.
      if (instance === undefined || !instance.life.isOver) {
        this.#failures++
        this.#platform.uncaught(error, `alarm of ${this.#place.name}`)
      }
      return false
    }
  }

  #lose(): void {
    this.#place.disk.alarmAtMs = null
    this.#place.instance?.storage.alarmIsLost()
  }
}
