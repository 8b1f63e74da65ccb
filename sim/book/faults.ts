import type { Step } from './session.ts'
import type { SqlError } from './wire.ts'

/** What Postgres and the way to it may do wrong, and the reconciler has to bear. Asked at each statement. */
export const DATABASE_FAULTS = [
  // The connection breaks: the statement never arrives, or it is carried out and nobody hears of it. Of COMMIT: nobody
  // knows whether it happened.
  'database_call_lost',
  'database_answer_lost',
  // It is carried out, and nothing comes back, not even an end.
  'database_silent',
  'database_slow',
  'database_down',
  // The server refuses a statement.
  'database_statement_timeout',
  'database_serialization_failure',
  'database_deadlock',
  // COMMIT is answered with ROLLBACK, and no error: a statement had failed, and whoever sits in between kept it to himself.
  'database_commit_undone',
] as const
export type DatabaseFault = (typeof DATABASE_FAULTS)[number]

/** Decides each time, and counts. `Faults` is one. */
export interface DatabaseFaults {
  /** @param about whose statement */
  strikes(fault: DatabaseFault, about: string): boolean
}

/** SQLSTATE and message of what a server refuses with (Postgres manual, Appendix A). */
export const REFUSALS: Readonly<Partial<Record<DatabaseFault, SqlError>>> = {
  database_statement_timeout: { code: '57014', message: 'canceling statement due to statement timeout' },
  database_serialization_failure: { code: '40001', message: 'could not serialize access due to concurrent update' },
  database_deadlock: { code: '40P01', message: 'deadlock detected' },
}

/** @returns what strikes this statement. Both ends of a transaction are refused by nobody with an error. */
export function faultAt(faults: DatabaseFaults, process: string, step: Step): DatabaseFault | undefined {
  return DATABASE_FAULTS.find((fault) => canStrike(fault, step) && faults.strikes(fault, process))
}

function canStrike(fault: DatabaseFault, step: Step): boolean {
  if (fault === 'database_commit_undone') return step === 'commit'
  return step === 'statement' || REFUSALS[fault] === undefined
}
