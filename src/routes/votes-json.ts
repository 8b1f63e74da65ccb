import { localId } from '../protocol/ids.ts'
import type { StoredVote } from '../store/schema.ts'

/** Votes with the names of the API. */
export function votesJson(deviceId: string, votes: readonly StoredVote[]) {
  return votes.map(([kind, counter, verdict, actor, at, reason]) => {
    return { kind, local_id: localId(deviceId, counter), verdict, actor, at, reason }
  })
}
