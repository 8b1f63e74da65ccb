import { logger } from '../../../src/edge/log.ts'
import { ulidText } from '../../../src/protocol/ids.ts'
import type { Original } from '../original.ts'
import type { Evidence, StoredEvidence } from '../sql/evidence-store.ts'
import { letGo, markMoved, readOldest, readOriginals, type StoredOriginal } from '../sql/moved-store.ts'
import { type BundleBucket, getBytes, putBytes } from './bucket.ts'

/** Of one wake: with bundles of the largest size a megabyte. */
const MOVED_MAX = 20

/**
 * The signed bundles of a device: here while anybody may need them soon, and in the bucket once they have been settled for long.
 * The receipt, the digest and all else of a bundle stay here.
 *
 *   put into the bucket → the bucket has these very bytes → let go here, with their hash
 *
 * Dying in between puts the same bytes again, under the same name. Two at once do the same twice.
 */
export class Originals {
  readonly #storage: DurableObjectStorage
  readonly #env: { readonly BUNDLES: BundleBucket }

  constructor(storage: DurableObjectStorage, env: { readonly BUNDLES: BundleBucket }) {
    this.#storage = storage
    this.#env = env
  }

  /** Those that are here or in the bucket. @throws what the bucket throws */
  async find(bundleIds: readonly Uint8Array[]): Promise<Original[]> {
    const stored = readOriginals(this.#storage.sql, bundleIds)
    const whole = await Promise.all(stored.map((one) => this.#whole(one)))
    return whole.flatMap((one) => one ?? [])
  }

  /** Evidence with the bundles that it contradicts. @throws what the bucket throws */
  async beside(evidence: readonly StoredEvidence[]): Promise<Evidence[]> {
    const whole = evidence.map(async ({ admittedId, ...one }) => {
      if (one.admitted !== null || admittedId === null) return one
      const [original] = await this.find([admittedId])
      return { ...one, admitted: original?.bundle ?? null }
    })
    return Promise.all(whole)
  }

  /** Moves what has been settled since before a time. @returns how many @throws what the bucket throws */
  async move(settledBeforeMs: number): Promise<number> {
    const { sql } = this.#storage
    let moved = 0
    for (let looked = 0; looked < MOVED_MAX; looked++) {
      const oldest = readOldest(sql)
      if (oldest?.settledAtMs === undefined || oldest.settledAtMs >= settledBeforeMs) return moved
      const { seq, bytes } = oldest
      const hash = bytes && (await putBytes(this.#env.BUNDLES, bytes))
      this.#storage.transactionSync(() => {
        if (hash) letGo(sql, seq, hash)
        markMoved(sql, seq)
      })
      if (hash) moved++
    }
    return moved
  }

  async #whole({ moved, ...original }: StoredOriginal): Promise<Original | undefined> {
    if (moved === undefined) return original
    const bundle = await getBytes(this.#env.BUNDLES, moved)
    if (bundle !== undefined) return { ...original, bundle }
    logger.error('the bucket does not have the bytes of a bundle', { bundleId: ulidText(original.bundleId) })
    return undefined
  }
}
