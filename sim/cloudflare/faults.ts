/** What the edge's platform may do wrong, and production code has to bear. */
export const EDGE_FAULTS = [
  // Device Objects: the instance dies at any await, or leaves memory; calls and answers get lost on the way.
  'object_crashed',
  'object_evicted',
  'object_overloaded',
  'object_call_lost',
  'object_answer_lost',
  'alarm_late',
  'alarm_repeated',
  'alarm_lost',
  // D1: fails before it does anything, or after it did all of it; takes long; does not take a row.
  'd1_call_lost',
  'd1_answer_lost',
  'd1_slow',
  'd1_row_refused',
  // R2: fails before it does anything, or after it did all of it.
  'r2_call_lost',
  'r2_answer_lost',
  // Queues: sending and pulling fail before or after they did their work; what is held is lost, repeated, late or mixed.
  'queue_call_lost',
  'queue_answer_lost',
  'queue_message_lost',
  'queue_message_repeated',
  'queue_message_delayed',
  'queue_reordered',
  'queue_forgot_all',
  'rate_refused',
  'rate_failed',
  'isolate_died',
] as const
export type EdgeFault = (typeof EDGE_FAULTS)[number]

/** Decides each time whether a fault strikes, and counts it. */
export interface EdgeFaults {
  /** @param about whom it would strike: a device, a queue, a statement */
  strikes(fault: EdgeFault, about: string): boolean
}
