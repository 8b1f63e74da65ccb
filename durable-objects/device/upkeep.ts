import type { Config } from '../../src/edge/config.ts'
import { logger } from '../../src/edge/log.ts'
import { DAY_MS } from '../../src/protocol/time.ts'
import { raiseOverdueGap } from './admit/chain-gap.ts'
import type { Originals } from './bytes/originals.ts'
import type { Delivery } from './owed/delivery.ts'
import { tellSira } from './owed/escalation.ts'
import { OwingPart } from './owed/owing-part.ts'
import { readOwing } from './sql/device-store.ts'
import { type OwedSummary, owedSummary } from './sql/owed-store.ts'

interface UpkeepDeps {
  /** Ends what has waited for people too long (people/end-waiting.ts). */
  readonly expire: () => void
  readonly originals: Originals
  readonly config: () => Pick<Config, 'scorer' | 'settings'>
  /** Asks those who gave this device something (people/givers.ts). */
  readonly askGivers: () => Promise<boolean>
}

/** What an object does in its own time: at its alarm, and when the sweep wakes it. */
export class Upkeep extends OwingPart {
  readonly #deps: UpkeepDeps

  constructor(storage: DurableObjectStorage, delivery: Delivery, deps: UpkeepDeps) {
    super(storage, delivery)
    this.#deps = deps
  }

  /**
   * Sets a lost alarm again, also where the object has been alive all the time, and looks for what did not come and for what
   * waited too long.
   */
  async wake(): Promise<OwedSummary> {
    this.storage.transactionSync(() => raiseOverdueGap(this.sql, Date.now()))
    this.#deps.expire()
    await this.delivery.rearm()
    await this.#moveOriginals()
    await this.#tellSira()
    await this.#deps.askGivers()
    return owedSummary(this.sql, this.#deps.config().scorer.takesEscalations)
  }

  async alarm(): Promise<void> {
    this.#deps.expire()
    this.delivery.alarm()
    await this.#tellSira()
  }

  /** What has been settled for long. The next wake goes on, also after a failure. */
  async #moveOriginals(): Promise<void> {
    const { originals, config } = this.#deps
    try {
      await originals.move(Date.now() - config().settings.BUNDLE_BYTES_KEPT_DAYS * DAY_MS)
    } catch (error) {
      logger.warn('the bucket does not take signed bundles; they stay here', { error })
    }
  }

  async #tellSira(): Promise<void> {
    const { scorer } = this.#deps.config()
    if (scorer.takesEscalations) await tellSira(this.sql, readOwing(this.sql), scorer)
  }
}
