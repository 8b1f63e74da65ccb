import type { NotBelieved } from '../../../src/edge/metrics/alarm.ts'
import { series } from '../../../src/edge/metrics/catalogue.ts'
import { counters } from '../../../src/edge/metrics/recorder.ts'
import { bindings } from '../../edge/kit.ts'

/** Whoever can write to D1, triggers or not, and has no key of the edge's. */
export async function writeD1(sql: string, ...values: unknown[]): Promise<void> {
  await bindings.DB.prepare(sql)
    .bind(...values)
    .run()
}

/** @returns the triggers of a table, which are off until they are made again */
export async function withoutTriggers(table: string): Promise<() => Promise<void>> {
  const { results } = await bindings.DB.prepare(
    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = ?",
  )
    .bind(table)
    .all<{ name: string; sql: string }>()
  for (const { name } of results) await bindings.DB.prepare(`DROP TRIGGER ${name}`).run()
  return async () => {
    for (const { sql } of results) await bindings.DB.prepare(sql).run()
  }
}

/** How often the alarm about these was raised while something ran. */
export async function alarms(what: NotBelieved, during: () => Promise<unknown>): Promise<number> {
  const name = series('offline_not_believed_total', { what })
  let count = 0
  const { add } = counters
  counters.add = (counted, by = 1) => {
    if (counted === name) count += by
    add.call(counters, counted, by)
  }
  try {
    await during()
  } finally {
    counters.add = add
  }
  return count
}
