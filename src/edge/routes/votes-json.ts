import { localId } from '../../protocol/ids.ts'
import type { ShownVote } from '../store/votes.ts'

/** Votes with the names of the API, one for each payment. */
export function votesJson(deviceId: string, votes: readonly ShownVote[]) {
  return votes.flatMap(({ counters, ...vote }) =>
    counters.map((counter) => ({ local_id: localId(deviceId, counter), ...vote })),
  )
}
