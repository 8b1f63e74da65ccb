import type { Life } from './life.ts'
import { type Platform, partOf, travel } from './platform.ts'
import { connectionLost } from './rpc.ts'

/** R2: a bucket. A call may fail before it does anything, or after it did all of it. */
export class SimulatedR2 {
  readonly #platform: Platform
  readonly #objects = new Map<string, Uint8Array>()

  constructor(platform: Platform) {
    this.#platform = partOf(platform, 'r2')
  }

  /**
   * The binding, for who runs in this life: what the product uses of it.
   *
   * @param gate what has to be durable before a call leaves
   */
  binding(life: Life, gate: () => Promise<void> = async () => undefined) {
    const call = <T>(name: string, run: () => T): Promise<T> =>
      life.inside(async () => {
        await gate()
        return this.#call(name, run)
      })
    return {
      put: (name: string, bytes: Uint8Array) =>
        call(name, () => {
          this.#objects.set(name, bytes.slice())
          return { size: bytes.length }
        }),
      get: (name: string) =>
        call(name, () => {
          const bytes = this.read(name)
          return bytes === undefined ? null : { arrayBuffer: async () => bytes.slice().buffer }
        }),
    }
  }

  /** What stands there, at once; for checks. */
  read(name: string): Uint8Array | undefined {
    return this.#objects.get(name)
  }

  async #call<T>(name: string, run: () => T): Promise<T> {
    const { faults } = this.#platform
    await travel(this.#platform)
    if (faults.strikes('r2_call_lost', name)) throw connectionLost()
    const answer = run()
    await travel(this.#platform)
    if (faults.strikes('r2_answer_lost', name)) throw connectionLost()
    return answer
  }
}
