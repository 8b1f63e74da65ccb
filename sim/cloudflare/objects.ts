import type { SQLInputValue } from 'node:sqlite'
import { Alarm, type Place } from './alarms.ts'
import { Instance, type MakeObject, ObjectId, type SimulatedObject } from './instance.ts'
import type { Life } from './life.ts'
import { ObjectDisk } from './object-storage.ts'
import { atSomeAwait, type Platform, partOf, travel } from './platform.ts'
import { connectionLost, objectOverloaded, travelled, travelledError } from './rpc.ts'
import { named } from './sqlite.ts'

/** How long after the start of a call its object may crash, and after its end may leave memory, milliseconds. */
const CRASH_WITHIN_MS = 40
const EVICTED_WITHIN_MS = 15_000

type Methods = Readonly<Record<string, (...args: unknown[]) => unknown>>

/**
 * A namespace of Durable Objects: each name has at most one instance at a time, which is made by a call or an alarm, and may
 * die at any await. What it committed stays.
 */
export class Objects<T extends SimulatedObject> {
  readonly #platform: Platform
  readonly #make: MakeObject<T>
  readonly #places = new Map<string, Place<T>>()

  constructor(platform: Platform, make: MakeObject<T>) {
    this.#platform = partOf(platform, 'objects')
    this.#make = make
  }

  /**
   * The binding, for who runs in this life. A stub calls any method of the class.
   *
   * @param gate what has to be durable before a call leaves: an object must not tell others of what it then loses
   */
  binding(life: Life, gate: Gate = OPEN): Binding {
    const get = (id: ObjectId) => this.#stub(life, gate, id)
    return { idFromName: (name) => new ObjectId(name), get, getByName: (name) => get(new ObjectId(name)) }
  }

  /** Names of all objects that were ever called, sorted. */
  get names(): readonly string[] {
    return [...this.#places.keys()].sort()
  }

  isAlive(name: string): boolean {
    return this.#places.get(name)?.instance?.life.isOver === false
  }

  /** Rows of an object, also such as are not durable yet; for checks. Nothing must be written through it. */
  read(name: string, sql: string, ...values: SQLInputValue[]): Readonly<Record<string, unknown>>[] {
    const disk = this.#places.get(name)?.disk
    return disk === undefined ? [] : named(disk.sqlite.execute(sql, values))
  }

  /** The alarm that an object has durably set. */
  alarmAtMs(name: string): number | null {
    return this.#places.get(name)?.disk.alarmAtMs ?? null
  }

  /** The object leaves memory. @returns false when it is busy, or there is none */
  evict(name: string): boolean {
    const instance = this.#places.get(name)?.instance
    if (instance === undefined || !instance.isIdle) return false
    this.crash(name)
    return true
  }

  /** The instance dies now: what it had not committed was never written, and who waits for it gets an error. */
  crash(name: string): void {
    const place = this.#places.get(name)
    place?.instance?.end()
    if (place) place.instance = undefined
  }

  crashAll(): void {
    for (const name of this.names) this.crash(name)
  }

  close(): void {
    this.crashAll()
    for (const { disk } of this.#places.values()) disk.sqlite.close()
    this.#places.clear()
  }

  #stub(life: Life, gate: Gate, id: ObjectId): Stub {
    return new Proxy(Object.freeze({}), {
      get: (_, key) => {
        if (key === 'id') return id
        if (key === 'name') return id.name
        // Whoever awaits a stub gets the stub.
        if (typeof key !== 'string' || key === 'then') return undefined
        return async (...args: unknown[]) => {
          const sent = travelled(args)
          return life.inside(async () => {
            await gate()
            return this.#request(id.name, key, sent)
          })
        }
      },
    }) as Stub
  }

  async #request(name: string, method: string, args: readonly unknown[]): Promise<unknown> {
    const { faults, scheduler, random } = this.#platform
    await travel(this.#platform)
    if (faults.strikes('object_call_lost', name)) throw connectionLost()
    if (faults.strikes('object_overloaded', name)) throw objectOverloaded()
    const answer = await this.#deliver(name, method, args).then(
      (value) => ({ value }),
      (error: unknown) => ({ error }),
    )
    if (faults.strikes('object_evicted', name)) {
      scheduler.after(random.next() * EVICTED_WITHIN_MS, () => void this.evict(name))
    }
    await travel(this.#platform)
    if (faults.strikes('object_answer_lost', name)) throw connectionLost()
    if ('error' in answer) throw answer.error
    return answer.value
  }

  /** Until the answer may leave the object. */
  #deliver(name: string, method: string, args: readonly unknown[]): Promise<unknown> {
    return this.#awake(name).call(async (object) => {
      try {
        const call = (object as unknown as Methods)[method]
        if (call === undefined) throw new TypeError(`The RPC receiver does not implement the method "${method}".`)
        return travelled(await call.apply(object, [...args]))
      } catch (error) {
        throw travelledError(error)
      }
    })
  }

  #awake(name: string): Instance<T> {
    const place = this.#place(name)
    if (place.instance === undefined || place.instance.life.isOver) {
      place.instance = new Instance(this.#make, name, place.disk, this.#platform)
    }
    const { instance } = place
    if (this.#platform.faults.strikes('object_crashed', name)) {
      atSomeAwait(this.#platform, CRASH_WITHIN_MS, () => {
        if (place.instance === instance) this.crash(name)
      })
    }
    return instance
  }

  #place(name: string): Place<T> {
    const known = this.#places.get(name)
    if (known !== undefined) return known
    const place: Place<T> = { name, disk: new ObjectDisk(), instance: undefined }
    this.#places.set(name, place)
    const alarm = new Alarm(place, this.#platform, () => this.#awake(name))
    place.disk.alarmChanged = () => alarm.changed()
    return place
  }
}

type Gate = () => Promise<void>
const OPEN: Gate = async () => undefined

interface Binding {
  idFromName(name: string): ObjectId
  get(id: ObjectId): Stub
  getByName(name: string): Stub
}

/** Calls of methods; each answers later. */
export type Stub = Readonly<Record<string, (...args: unknown[]) => Promise<unknown>>>
