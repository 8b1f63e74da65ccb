import { logger } from '../log.ts'
import { series } from './catalogue.ts'
import { counters } from './recorder.ts'

/**
 * What was read from a store or a queue and is not believed:
 *
 * - `policy`, `policy_proposal`: a row that we did not write
 * - `bundle`: bytes of a bundle in the read model that are not those of its receipt
 * - `enrolment_code`: a row that we did not write, or that was changed
 * - `index_message`: one that no object of ours sent
 * - `policy_lost`: a version that we wrote and D1 has no more
 * - `hidden`: rows that objects told of, and that the read model has no more or has otherwise
 */
export type NotBelieved =
  | 'bundle'
  | 'policy'
  | 'policy_lost'
  | 'policy_proposal'
  | 'enrolment_code'
  | 'index_message'
  | 'hidden'

/** Tells people: in the log, and by a counter that alerts watch. @param fields ids to find it by, nothing personal */
export function alarm(what: NotBelieved, message: string, fields: Readonly<Record<string, unknown>>): void {
  logger.error(message, { notBelieved: what, ...fields })
  counters.add(series('offline_not_believed_total', { what }))
}
