import type { Records, Stored } from '../sdk/store/records.ts'
import { type CarriedBundle, decodeCarried, type EncodedCarried, encodeCarried } from './carried.ts'

/** Bundles on one phone. The largest take 90 KB each as text, and `localStorage` holds 5 MB for everything. */
export const CARRIED_MAX = 16

interface Place {
  readonly at: number
  readonly isFree: boolean
  readonly carried: CarriedBundle | undefined
}

/**
 * What is carried, in numbered places: a plain store cannot list its keys, and a list beside the records could disagree
 * with them. Nothing is held in memory, so tabs see what the others did.
 *
 * A place has two records, the bundle and what became of it, so that a write that is cut off never costs the other one.
 * A record that does not check out, or is too old, is as good as none: the device that took the payments has them all the
 * same. One that a later version of the app wrote is left alone.
 */
export class CarriedStore {
  readonly #records: Records
  readonly #nowMs: () => number
  readonly #keepMs: number

  constructor(records: Records, nowMs: () => number, keepMs: number) {
    this.#records = records
    this.#nowMs = nowMs
    this.#keepMs = keepMs
  }

  /** What is carried and not too old, the oldest first. */
  async all(): Promise<readonly CarriedBundle[]> {
    return oldestFirst((await this.#places()).flatMap(({ carried }) => carried ?? []))
  }

  /** @returns false when all places are taken by bundles that wait; what was answered makes room for what was not */
  async add(carried: CarriedBundle): Promise<boolean> {
    const places = await this.#places()
    const held = oldestFirst(places.flatMap((place) => place.carried ?? []))
    const answered = held.find(({ state }) => state.status !== 'waiting')
    const place = places.find(({ isFree }) => isFree) ?? places.find((taken) => answered && taken.carried === answered)
    if (place === undefined) return false
    await this.#records.write(bundleAt(place), encodeCarried(carried))
    await this.#records.remove(answerAt(place))
    return true
  }

  /** Writes what became of one that still waits. The first answer stays: later the same bytes may be too old. */
  async answer(carried: CarriedBundle): Promise<void> {
    const place = await this.#find(carried.id)
    if (place?.carried?.state.status !== 'waiting') return
    await this.#records.write(answerAt(place), encodeCarried(carried))
    await this.#records.remove(bundleAt(place))
  }

  async remove(id: string): Promise<void> {
    const place = await this.#find(id)
    if (place === undefined) return
    await this.#records.remove(bundleAt(place))
    await this.#records.remove(answerAt(place))
  }

  async #find(id: string): Promise<Place | undefined> {
    return (await this.#places()).find(({ carried }) => carried?.id === id)
  }

  async #places(): Promise<readonly Place[]> {
    const places: Place[] = []
    for (let at = 0; at < CARRIED_MAX; at++) {
      const stored = [await this.#records.read(bundleAt({ at })), await this.#records.read(answerAt({ at }))] as const
      const [bundle, answer] = stored.map((record) => this.#current(record))
      // The answer to another bundle is what this one took the place of.
      const carried = bundle && bundle.id !== answer?.id ? bundle : answer
      const isForeign = stored.some(({ kind }) => kind === 'newer' || kind === 'locked')
      places.push({ at, isFree: carried === undefined && !isForeign, carried })
    }
    return places
  }

  #current(stored: Stored): CarriedBundle | undefined {
    if (stored.kind !== 'whole') return undefined
    const carried = decodeCarried(stored.body as EncodedCarried)
    return carried.atMs >= this.#nowMs() - this.#keepMs ? carried : undefined
  }
}

const bundleAt = ({ at }: Pick<Place, 'at'>) => `bundle/${at}`
const answerAt = ({ at }: Pick<Place, 'at'>) => `answer/${at}`
const oldestFirst = (carried: readonly CarriedBundle[]) => [...carried].sort((a, b) => a.atMs - b.atMs)
