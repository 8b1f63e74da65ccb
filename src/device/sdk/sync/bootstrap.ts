import { decodeKeySet, type KeySet } from '../../../protocol/keyset.ts'
import { parse } from '../../../protocol/parse.ts'
import { ok, type Result } from '../../../protocol/result.ts'
import { findBefore } from '../store/found.ts'
import { leaveOut } from '../store/left-out.ts'
import type { Outgoing } from '../store/outgoing.ts'
import { newestKeys } from './edge-keys.ts'
import { fetchNotice } from './notices.ts'
import { type Failure, fail, failureOf, loadSigner, type SyncDeps } from './sync-deps.ts'

/**
 * The first contact, and the first after the state was lost: keys of the edge over TLS (or from the app), and a notice
 * that says where the device stands. One write makes it the device's state.
 *
 * @param exported what an export knows: counters below `nextCounter` are given to no payment, because its own may come back
 * under them, and `outgoing` is the last bundle that was sealed
 */
export async function bootstrap(
  deps: SyncDeps,
  exported: { readonly nextCounter: number; readonly outgoing?: Outgoing | undefined } = { nextCounter: 1 },
): Promise<Result<void, Failure>> {
  const { device, randomBytes } = deps
  const loaded = await loadSigner(deps)
  if (!loaded.ok) return loaded
  const keys = deps.pinnedKeys ? ok(deps.pinnedKeys) : await fetchKeys(deps)
  if (!keys.ok) return keys
  const received = await fetchNotice(deps, keys.value, undefined)
  if (!received.ok) return received
  const { notice, roundTripMs } = received.value
  const { device: facts, policy } = notice
  if (facts === undefined || policy === undefined) return fail('answer_invalid')
  await device.change(async () => {
    const { counters, seqs } = await findBefore(device.records, facts, notice.missing ?? [])
    const lastSealed = exported.outgoing ?? device.lastSealed
    const isNew = device.isEmpty && exported.nextCounter === 1
    const leftOut = leaveOut(facts, lastSealed, isNew, randomBytes)
    const last = counters.at(-1) ?? 0
    // Payments on disk, and those of an export, tell counters that were given out.
    const from = Math.max(facts.nextCounter, exported.nextCounter, last + 1)
    const nextCounter = from + leftOut.counters
    const firstCounter = Math.min(facts.nextCounter, counters[0] ?? facts.nextCounter)
    const seq = facts.nextSeq - 1 + leftOut.seqs
    // The notice carries no outcomes, and those of payments that are here were perhaps never told: from the first one on.
    const hasPayments = counters.length > 0 || exported.nextCounter > 1
    const state = {
      kid: loaded.value.kid,
      ownerWallet: facts.ownerWallet,
      ...(notice.ownerWalletFault && { ownerWalletFault: notice.ownerWalletFault }),
      ...(notice.claims && { claims: notice.claims }),
      ...(notice.mandated && { mandated: notice.mandated }),
      ...(notice.debits && { debits: notice.debits }),
      ...(notice.allowance && { allowance: notice.allowance }),
      ...(notice.paysUntilMs !== undefined && { paysUntilMs: notice.paysUntilMs }),
      firstCounter,
      cleanFrom: firstCounter,
      nextCounter,
      knownFrom: facts.nextCounter,
      voidFrom: facts.nextCounter,
      firstSeq: Math.min(facts.nextSeq, seqs[0] ?? facts.nextSeq),
      seq,
      prev: facts.prev,
      ...(leftOut.seqs > 0 && { leftOut: { to: seq, seqs: leftOut.seqs, counters: [from, nextCounter - 1] as const } }),
      cursor: hasPayments ? 0 : notice.cursor,
      policy,
      keys: newestKeys(keys.value, notice.keys),
      clock: device.clock.reading(notice.serverTimeMs, roundTripMs, facts.nextCounter),
    }
    await device.begin(state, notice)
  })
  return ok(undefined)
}

async function fetchKeys({ transport }: SyncDeps): Promise<Result<KeySet, Failure>> {
  const answer = await transport.get('/offline/keys')
  if (answer.kind !== 'ok') return failureOf(answer)
  const keys = parse(() => decodeKeySet(answer.body))
  return keys.ok ? keys : fail('answer_invalid')
}
