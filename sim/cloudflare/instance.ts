import { isAfterDeath, Life } from './life.ts'
import { type ObjectDisk, ObjectStorage } from './object-storage.ts'
import type { Platform } from './platform.ts'
import { objectReset } from './rpc.ts'

/** A Durable Object as its class makes it. */
export type SimulatedObject = object & { alarm?(): unknown }

/** `ctx` of an instance. */
export interface ObjectState {
  readonly id: ObjectId
  readonly storage: ObjectStorage
  waitUntil(work: Promise<unknown>): void
  blockConcurrencyWhile<T>(work: () => Promise<T>): Promise<T>
}

/** @param durable of the object's storage: its output gate */
export type MakeObject<T> = (ctx: ObjectState, life: Life, durable: () => Promise<void>) => T

export class ObjectId {
  readonly name: string

  constructor(name: string) {
    this.name = name
  }

  toString(): string {
    return this.name
  }

  equals(other: ObjectId): boolean {
    return this.name === other.name
  }
}

/** One instance of an object, from its constructor to its death. */
export class Instance<T extends SimulatedObject> {
  readonly life = new Life()
  readonly storage: ObjectStorage
  readonly #object: T
  readonly #platform: Platform
  readonly #name: string
  /** Calls and background work that have not ended. */
  #busy = 0
  #unblocked: Promise<unknown> = Promise.resolve()

  constructor(make: MakeObject<T>, name: string, disk: ObjectDisk, platform: Platform) {
    this.#platform = platform
    this.#name = name
    this.storage = new ObjectStorage(disk, this.life, platform)
    const ctx: ObjectState = {
      id: new ObjectId(name),
      storage: this.storage,
      waitUntil: (work) => void this.#background(work),
      blockConcurrencyWhile: (work) => this.#block(work),
    }
    try {
      this.#object = make(ctx, this.life, () => this.storage.durable())
    } catch (error) {
      this.end()
      throw error
    }
  }

  /** Whether it may leave memory: nobody waits for it, and nothing is unwritten. */
  get isIdle(): boolean {
    return this.#busy === 0 && this.storage.isDurable
  }

  /** Runs a call. Its answer, or what it throws, leaves when all that was written is durable. Fails when the instance dies. */
  call<R>(work: (object: T) => R | Promise<R>): Promise<R> {
    return this.life.outside(this.#call(work))
  }

  /** Runs the handler of the alarm of this time, when it is still set. What it throws leaves the alarm set. */
  alarm(atMs: number): Promise<void> {
    return this.call(async (object) => {
      if (!this.storage.alarmBegins(atMs)) return
      let isDone = false
      try {
        await object.alarm?.()
        isDone = true
      } finally {
        this.storage.alarmEnds(isDone)
      }
    })
  }

  /** Runs the handler of an alarm that has run: it changes nothing about the one that is set. */
  alarmAgain(): Promise<void> {
    return this.call(async (object) => void (await object.alarm?.()))
  }

  end(): void {
    if (this.life.isOver) return
    this.life.end(objectReset())
    this.storage.lose()
  }

  async #call<R>(work: (object: T) => R | Promise<R>): Promise<R> {
    this.#busy++
    try {
      await this.#unblocked
      this.life.assert()
      return await work(this.#object)
    } finally {
      await this.storage.durable()
      this.#busy--
    }
  }

  async #background(work: Promise<unknown>): Promise<void> {
    this.#busy++
    try {
      await work
    } catch (error) {
      if (!isAfterDeath(error)) this.#platform.uncaught(error, `waitUntil of ${this.#name}`)
    }
    this.#busy--
  }

  /** No call begins before it has ended; when it fails the object is reset. */
  #block<R>(work: () => Promise<R>): Promise<R> {
    const blocking = work()
    const blocked = blocking.then(
      () => undefined,
      (error) => {
        if (isAfterDeath(error)) return
        this.#platform.uncaught(error, `blockConcurrencyWhile of ${this.#name}`)
        this.end()
      },
    )
    this.#unblocked = Promise.all([this.#unblocked, blocked])
    return this.life.inside(() => blocking)
  }
}
