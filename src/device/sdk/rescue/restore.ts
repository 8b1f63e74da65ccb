import { localId } from '../../../protocol/ids.ts'
import type { DeviceFacts } from '../../../protocol/notice.ts'
import { ok, type Result } from '../../../protocol/result.ts'
import { chainStanding } from '../store/chain-proof.ts'
import type { DamagedRecord } from '../store/counter-record.ts'
import type { LocalDevice } from '../store/local-device.ts'
import { decodeOutgoing, type Outgoing } from '../store/outgoing.ts'
import { bootstrap } from '../sync/bootstrap.ts'
import { resolveChain } from '../sync/chain.ts'
import { fetchNotice } from '../sync/notices.ts'
import { type Failure, fail, type SyncDeps } from '../sync/sync-deps.ts'
import type { ExportedPayment, UnsyncedExport } from './export.ts'
import { renumber } from './renumber.ts'
import { reserve, returned } from './reserve.ts'
import { isSame, type Returning } from './restorable.ts'

/** What became of the payments of an export, by their local ids. */
export interface Restored {
  readonly status: 'restored'
  /** On this device under their own numbers: the next sync sends them. */
  readonly restored: readonly string[]
  /** The edge has them: its chain names their bundle, or this device holds their receipt. */
  readonly received: readonly string[]
  /**
   * Not taken over: the number is used, by this payment or by another one, and the device cannot tell which. A person holds
   * them against what the server has. Those that it lacks are taken under new numbers with `renumber`.
   */
  readonly numberUsed: readonly ExportedPayment[]
  /** Taken over under a new number: `[was, is]`. */
  readonly renumbered: readonly (readonly [string, string])[]
  /** Records that could not be read when the file was made: they are in it as they stood, for the support. */
  readonly damaged: readonly DamagedRecord[]
}

export type RestoreResult =
  | Restored
  /** Another secret, no export, altered, or made by a later version of the app. */
  | { readonly status: 'unreadable' }
  /** Payments of another device can only be sent by that device. */
  | { readonly status: 'other_device'; readonly deviceId: string }

/**
 * Takes over the payments of an export: asks the edge where the device stands → sets their counters aside → writes the
 * payments → keeps their sealed bundle, if the edge can still take it. Cut off anywhere, it is done again: what is
 * written is written once, and the edge tells payments that come again by their counters. No sync may run meanwhile.
 *
 * @param wanted local ids that a person wants under new numbers
 */
export async function restore(
  deps: SyncDeps,
  content: UnsyncedExport,
  payments: readonly Returning[],
  wanted: ReadonlySet<string>,
): Promise<Result<Restored, Failure>> {
  const { device, changed } = deps
  const outgoing = content.outgoing && decodeOutgoing(content.outgoing)
  if (!device.hasState) {
    const begun = await bootstrap(deps, { nextCounter: content.nextCounter, outgoing })
    if (!begun.ok) return begun
  }
  if (device.chainInDoubt) {
    const resolved = await resolveChain(deps)
    if (!resolved.ok) return resolved
  }
  const received = await fetchNotice(deps, device.state.keys, undefined)
  if (!received.ok) return received
  const { device: facts, missing = [] } = received.value.notice
  if (facts === undefined) return fail('answer_invalid')
  const place = { facts, missing: new Set(missing), admitted: outgoing && admittedIn(facts, outgoing) }
  return ok(
    await device.change(async () => {
      const sorted = sort(deps, payments, place)
      const { nextCounter } = content
      await reserve(
        device,
        sorted.absent.map(({ counter }) => counter),
        nextCounter,
      )
      for (const one of sorted.absent) {
        await device.journal.restore(one.counter, one, device.state.policy.version)
        const entry = device.journal.entry(one.counter)
        if (entry) changed(entry)
      }
      await returned(device)
      const here = [...sorted.present, ...sorted.absent]
      if (outgoing) await keepSealed(deps, outgoing, facts, here)
      const renumbered = await renumberAll(deps, sorted.used, wanted)
      const names = (list: readonly Returning[]) =>
        [...list].sort((a, b) => a.counter - b.counter).map(({ exported }) => exported.localId)
      const moved = new Set(renumbered.map(([was]) => was))
      return {
        status: 'restored',
        restored: names(here),
        received: names(sorted.received),
        numberUsed: sorted.used.map(({ exported }) => exported).filter(({ localId }) => !moved.has(localId)),
        renumbered,
        damaged: content.damaged,
      }
    }),
  )
}

interface Place {
  readonly facts: DeviceFacts
  /** Counters before `facts.nextCounter` that the edge has not seen. */
  readonly missing: ReadonlySet<number>
  /** Counters of the export's bundle in flight, when the chain's head is that bundle. */
  readonly admitted: Pick<Outgoing, 'firstCounter' | 'lastCounter'> | undefined
}

function sort({ device }: SyncDeps, payments: readonly Returning[], { facts, missing, admitted }: Place) {
  const sorted = { absent: [], present: [], received: [], used: [] } as Record<
    'absent' | 'present' | 'received' | 'used',
    Returning[]
  >
  for (const one of payments) {
    const { counter } = one
    const entry = device.journal.entry(counter)
    const isSeen = counter < facts.nextCounter && !missing.has(counter)
    const isProven = admitted && admitted.firstCounter <= counter && counter <= admitted.lastCounter
    if (entry && isSame(device.deviceId, entry, one)) {
      const isWhole = entry.payment !== undefined || one.payment === undefined
      sorted[entry.admitted ? 'received' : isWhole ? 'present' : 'absent'].push(one)
    } else if (isProven) sorted.received.push(one)
    else if (isSeen || entry || isTaken(device, counter) || givesBack(one, sorted.used)) sorted.used.push(one)
    else sorted.absent.push(one)
  }
  return sorted
}

/** The number of what it gives back is another payment's by now, which must not be given back for it. */
const givesBack = ({ payment }: Returning, used: readonly Returning[]): boolean =>
  payment?.refundOf?.deviceId === undefined && used.some(({ counter }) => counter === payment?.refundOf?.counter)

/** Whether there is a damaged record of something else. */
function isTaken({ journal, state }: LocalDevice, counter: number): boolean {
  const kind = journal.damaged.find((record) => record.counter === counter)?.kind
  const isTorn = kind === 'unreadable' || kind === 'void_unreadable'
  return kind !== undefined && kind !== 'absent' && !(isTorn && state.returning?.includes(counter))
}

function admittedIn(facts: DeviceFacts, outgoing: Outgoing): Outgoing | undefined {
  const before = { seq: outgoing.seq - 1, prev: outgoing.prev }
  return chainStanding(facts, before, outgoing).kind === 'admitted' ? outgoing : undefined
}

/** The very bytes may be on their way: where the chain still waits for this bundle, it is sent and not another one. */
async function keepSealed({ device }: SyncDeps, outgoing: Outgoing, facts: DeviceFacts, here: readonly Returning[]) {
  const before = { seq: outgoing.seq - 1, prev: outgoing.prev }
  const isNext = chainStanding(facts, before, outgoing).kind === 'not_admitted'
  const isOurs = device.state.seq === outgoing.seq - 1 && device.outgoing === undefined
  const counters = new Set(here.map(({ counter }) => counter))
  let isWhole = true
  for (let counter = outgoing.firstCounter; counter <= outgoing.lastCounter; counter++) {
    if (!counters.has(counter)) isWhole = false
  }
  const { parked: _, ...free } = outgoing
  if (isNext && isOurs && isWhole) await device.putOutgoing(free)
}

async function renumberAll(
  { device, suite, changed }: SyncDeps,
  used: readonly Returning[],
  wanted: ReadonlySet<string>,
) {
  const renumbered: [string, string][] = []
  for (const one of used) {
    const { localId: was } = one.exported
    if (!wanted.has(was) || one.payment === undefined || one.voided || givesBack(one, used)) continue
    const counter = await renumber(device, suite, one, one.payment)
    const entry = device.journal.entry(counter)
    if (entry) changed(entry)
    renumbered.push([was, localId(device.deviceId, counter)])
  }
  return renumbered
}
