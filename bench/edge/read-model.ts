import { DatabaseSync } from 'node:sqlite'
import { until } from './drain.ts'

/** Looks into D1's file without asking workerd. */
export class ReadModel {
  readonly #db: DatabaseSync

  constructor(file: string) {
    this.#db = new DatabaseSync(file, { readOnly: true })
    this.#db.exec('PRAGMA busy_timeout = 5000')
  }

  /** @returns what waits until this many bundles that were received since then are shown with their outcomes */
  watch(sinceMs: number): (bundles: number) => Promise<void> {
    // By the country of all devices here and the time, which have an index: looking must not grow with what is stored.
    const query = this.#db.prepare(
      `SELECT COUNT(*) AS bundles FROM offline_tx_bundles
        WHERE country = 'SN' AND received_at >= ? AND status = 'accepted'`,
    )
    const shown = () => Number(query.get(sinceMs)?.['bundles'])
    return (bundles) => until(() => shown() >= bundles, `D1 to show ${bundles} bundles with their outcomes`)
  }

  close(): void {
    this.#db.close()
  }
}
