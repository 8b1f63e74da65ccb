import { buffer } from './columns.ts'

/** SQL of the payer's passes that were given to the device: by the key that each names, and until when the last one for it is good. */
export interface GivenPass {
  readonly kid: Uint8Array
  readonly untilMs: number
}

const KEEP = `
  INSERT INTO passes (kid, until) VALUES (?, ?) ON CONFLICT DO UPDATE SET until = MAX(until, excluded.until)`

/** To be called before a pass is given: what is not known of here nobody can call back. */
export function keepPass(sql: SqlStorage, { kid, untilMs }: GivenPass): void {
  sql.exec(KEEP, buffer(kid), untilMs)
}

/** Those that somebody may still show. */
export const readPasses = (sql: SqlStorage, nowMs: number): readonly GivenPass[] =>
  sql
    .exec<{ kid: ArrayBuffer; until: number }>('SELECT kid, until FROM passes WHERE until > ? ORDER BY kid', nowMs)
    .toArray()
    .map(({ kid, until }) => ({ kid: new Uint8Array(kid), untilMs: until }))
