import { MalformedCbor } from '../../../protocol/cbor.ts'
import { decodeKeySet, type KeySet } from '../../../protocol/keyset.ts'
import { ok, type Result } from '../../../protocol/result.ts'
import { findBefore } from '../store/found.ts'
import { newestKeys } from './edge-keys.ts'
import { fetchNotice } from './notices.ts'
import { type Failure, fail, failureOf, loadSigner, type SyncContext } from './sync-context.ts'

/**
 * The first contact, and the first after the state was lost: keys of the edge over TLS (or from the app), and a notice
 * that says where the device stands. One write makes it the device's state.
 *
 * @param reserved counters below it are given to no payment: those of an export may come back under them
 */
export async function bootstrap(context: SyncContext, reserved = 1): Promise<Result<void, Failure>> {
  const { device } = context
  const loaded = await loadSigner(context)
  if (!loaded.ok) return loaded
  const keys = context.pinnedKeys ? ok(context.pinnedKeys) : await fetchKeys(context)
  if (!keys.ok) return keys
  const received = await fetchNotice(context, keys.value, undefined)
  if (!received.ok) return received
  const { notice, roundTripMs } = received.value
  const { device: facts, policy } = notice
  if (facts === undefined || policy === undefined) return fail('answer_invalid')
  await device.change(async () => {
    const { counters, seqs } = await findBefore(device.records, facts, notice.missing ?? [])
    const firstCounter = Math.min(facts.nextCounter, counters[0] ?? facts.nextCounter)
    const state = {
      kid: loaded.value.kid,
      ownerWallet: facts.ownerWallet,
      firstCounter,
      cleanFrom: firstCounter,
      nextCounter: Math.max(reserved, facts.nextCounter, (counters.at(-1) ?? 0) + 1),
      knownFrom: facts.nextCounter,
      voidFrom: facts.nextCounter,
      firstSeq: Math.min(facts.nextSeq, seqs[0] ?? facts.nextSeq),
      seq: facts.nextSeq - 1,
      prev: facts.prev,
      cursor: notice.cursor,
      policy,
      keys: newestKeys(keys.value, notice.keys),
      clock: device.clock.reading(notice.serverTimeMs, roundTripMs, facts.nextCounter),
    }
    await device.begin(state, notice)
  })
  return ok(undefined)
}

async function fetchKeys({ transport }: SyncContext): Promise<Result<KeySet, Failure>> {
  const answer = await transport.get('/offline/keys')
  if (answer.kind !== 'ok') return failureOf(answer)
  try {
    return ok(decodeKeySet(answer.body))
  } catch (error) {
    if (error instanceof MalformedCbor) return fail('answer_invalid')
    throw error
  }
}
