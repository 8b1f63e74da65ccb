/**
 * A row of the book that says more than whoever it names has signed. It gives nothing and holds up nothing: people are told, and
 * whatever else is due goes on.
 */
export type NotBelieved = 'allowance_order' | 'claim_answer' | 'consent_code' | 'mandate' | 'resolution'

/** Tells people, in the log and by a counter that alerts watch. @param fields ids to find the row by, nothing personal */
export type Alarm = (what: NotBelieved, fields: Readonly<Record<string, string | number>>) => void
