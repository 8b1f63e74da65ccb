import type pg from 'pg'
import { openSettleMessage } from '../../src/crypto/settle-message.ts'
import type { DeviceMessage, ResolutionMessage, SettleMessage } from '../../src/protocol/messages.ts'
import { unreachable } from '../../src/protocol/result.ts'
import { isHalted } from '../db.ts'
import { faultOf } from '../log.ts'
import type { GoOn } from '../loop.ts'
import type { Alarm } from '../not-believed.ts'
import { claim, giveBack, type InboxRow } from '../pull/inbox.ts'
import { type RecordDeps, recordDevice } from '../registry/registry.ts'
import { ALLOWANCE_ORDERS } from './allowance-orders.ts'
import { applyAllowances } from './allowances.ts'
import { attempt, parkRow, together, waitFor } from './attempt.ts'
import { CLAIM_ANSWERS } from './claim-answers.ts'
import { applyClaims } from './claims.ts'
import { recordWord, type SignedWord, type WordKind, type WordMessage } from './holders-word.ts'
import { MANDATES } from './mandates.ts'
import { type PreparedBundle, postBundles } from './post.ts'
import { type InboxBundle, type PrepareDeps, prepare, waitVerified } from './prepare.ts'
import { recordBundles } from './record-bundles.ts'
import { applyResolutions, recordResolution } from './resolutions.ts'
import type { StatusCount } from './status-counts.ts'

/**
 * Inbox → book:
 *
 *   claim → device facts into the registry, resolutions of people, answers, mandates and orders of holders into their tables
 *         → bundles: prepare → record, as one login → post, as another; many at once
 *         → resolutions that can be carried out, claims that end, allowances that open, close and end
 */
export interface ReconcileDeps extends PrepareDeps, RecordDeps {
  /** Of the login that settles; `pool` is of the one that records. */
  readonly settle: pg.Pool
  /** Told what became of payments, after each COMMIT. */
  readonly settled: (counts: readonly StatusCount[]) => void
  readonly alarm: Alarm
}

/** Bundles in one transaction: at most 5 000 payments, some tens of milliseconds under locks. */
const BATCH_MAX = 50
/** How long bundles are posted one by one before those that are left are given back: well within their lease. */
const ONE_BY_ONE_MAX_MS = 30_000

/** @returns how many messages and resolutions it took */
export async function reconcileOnce(deps: ReconcileDeps, goOn: GoOn = () => true): Promise<number> {
  const rows = await claim(deps.pool, BATCH_MAX, deps.clock())
  const bundles: InboxBundle[] = []
  for (const [i, row] of rows.entries()) {
    if (!goOn()) {
      await giveBack(deps.pool, idsOf(rows.slice(i)), new Date(deps.clock()))
      break
    }
    await attempt(deps, row, async () => {
      // Again, though the inbox took it: a person may have released what was parked for it.
      const opened = await openSettleMessage(new Uint8Array(row.body), deps.trusted)
      if (!opened.ok) return parkRow(deps, row, opened.error.fault)
      const message = opened.value
      switch (message.kind) {
        case 'device':
          return recordDeviceOf(deps, row, message)
        case 'bundle':
          bundles.push({ row, message })
          return
        case 'review':
        case 'reversal':
          return recordResolutionOf(deps, row, message)
        case 'claim_answer':
          return recordWordOf(deps, row, CLAIM_ANSWERS, message)
        case 'mandate':
          return recordWordOf(deps, row, MANDATES, message)
        case 'allowance_order':
          return recordWordOf(deps, row, ALLOWANCE_ORDERS, message)
        default:
          return unreachable(message)
      }
    })
  }
  let [resolutions, claims, allowances] = [0, 0, 0]
  try {
    if (bundles.length > 0) await settleBundles(deps, bundles, goOn)
  } finally {
    // Whatever keeps bundles from being settled keeps no resolution from being carried out.
    resolutions = await applyResolutions({ ...deps, pool: deps.settle }, goOn)
    claims = await applyClaims({ ...deps, pool: deps.settle }, goOn)
    allowances = await applyAllowances({ ...deps, pool: deps.settle }, goOn)
  }
  return rows.length + resolutions + claims + allowances
}

const idsOf = (rows: readonly InboxRow[]) => rows.map(({ id }) => id)

async function recordDeviceOf(deps: ReconcileDeps, row: InboxRow, message: DeviceMessage): Promise<void> {
  const fault = await recordDevice(deps.pool, row.id, message, row.body, new Date(deps.clock()), deps)
  if (fault !== undefined) await parkRow(deps, row, fault)
}

async function recordResolutionOf(deps: ReconcileDeps, row: InboxRow, message: ResolutionMessage): Promise<void> {
  const fault = await recordResolution(deps.pool, row.id, message, row.body, new Date(deps.clock()))
  await waitOrPark(deps, row, message, fault)
}

async function recordWordOf<Message extends WordMessage, Signed extends SignedWord>(
  deps: ReconcileDeps,
  row: InboxRow,
  kind: WordKind<Message, Signed>,
  message: Message,
): Promise<void> {
  const fault = await recordWord(deps.pool, row.id, kind, message, deps.trusted, new Date(deps.clock()))
  await waitOrPark(deps, row, message, fault)
}

/** The facts of a device come on the same queue, in any order. */
async function waitOrPark(
  deps: ReconcileDeps,
  row: InboxRow,
  { deviceId }: SettleMessage,
  fault: string | undefined,
): Promise<void> {
  if (fault === 'unknown_device') return waitFor(deps, row, { what: 'device', devices: [deviceId] })
  if (fault !== undefined) await parkRow(deps, row, fault)
}

async function settleBundles(deps: ReconcileDeps, bundles: readonly InboxBundle[], goOn: GoOn): Promise<void> {
  const recorded = await together(deps, await prepare(deps, bundles), (some) =>
    recordBundles(deps.pool, some, new Date(deps.clock())),
  )
  const prepared = recorded.map(([one]) => one)
  if (prepared.length === 0) return
  try {
    deps.settled(await postBundles(deps.settle, prepared, new Date(deps.clock()), deps.alarm))
    return
  } catch (error) {
    if (isHalted(error)) return waitForSettlement(deps, prepared)
    deps.log.warn({ bundles: prepared.length, fault: faultOf(error) }, 'batch not posted; posting one by one')
  }
  const untilMs = deps.clock() + ONE_BY_ONE_MAX_MS
  for (const [i, one] of prepared.entries()) {
    if (!goOn() || deps.clock() > untilMs) {
      const left = idsOf(prepared.slice(i).map(({ row }) => row))
      return giveBack(deps.pool, left, new Date(deps.clock()))
    }
    await attempt(deps, one.row, async () =>
      deps.settled(await postBundles(deps.settle, [one], new Date(deps.clock()), deps.alarm)),
    )
  }
}

/** Nothing is posted while settlement is halted; that they are here is confirmed to the edge, and they are due again when it goes on. */
async function waitForSettlement(deps: ReconcileDeps, prepared: readonly PreparedBundle[]): Promise<void> {
  deps.log.error({ bundles: prepared.length }, 'settlement is halted: recorded, not posted')
  for (const one of prepared) await attempt(deps, one.row, () => waitVerified(deps, one, { what: 'settlement' }))
}
