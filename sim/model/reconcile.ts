import { backoffMs, waitingMs } from '../../reconciler/backoff.ts'
import { faultOf, type Log } from '../../reconciler/log.ts'
import type { Wanted } from '../../reconciler/pull/inbox.ts'
import { isOwnKeyId } from '../../reconciler/registry/registry.ts'
import { ALLOWANCE_ORDERS } from '../../reconciler/settle/allowance-orders.ts'
import { FAILURE, FAILURES_MAX, WAITING, waitedMs } from '../../reconciler/settle/attempt.ts'
import { CLAIM_ANSWERS } from '../../reconciler/settle/claim-answers.ts'
import {
  faultOfWord,
  readWord,
  type SignedWord,
  type WordKind,
  type WordMessage,
} from '../../reconciler/settle/holders-word.ts'
import { MANDATES } from '../../reconciler/settle/mandates.ts'
import type { InboxBundle } from '../../reconciler/settle/prepare.ts'
import { bundleSubject, type Subject } from '../../reconciler/tell/outbox.ts'
import { openSettleMessage } from '../../src/crypto/settle-message.ts'
import { webCryptoSuite } from '../../src/crypto/webcrypto.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import type { DeviceMessage, ResolutionMessage } from '../../src/protocol/messages.ts'
import { encodeSettleMessage } from '../../src/protocol/settle-codec.ts'
import { allowanceVerdict } from './allowance-verdict.ts'
import { applyOrders, devicesWithDueOrders, expire, nextAllowanceMs, recordOrder } from './allowances.ts'
import { BookBroken } from './broken.ts'
import { postBundles } from './bundles.ts'
import { applyClaims, devicesWithDueClaims, nextClaimMs, recordAnswer } from './claims.ts'
import { claim, type InboxRow, markDone, nextDueMs, park, retry, stillPending, wait } from './inbox.ts'
import { recordMandate } from './mandates.ts'
import { announce } from './outbox.ts'
import type { Life } from './process.ts'
import { loadDevices, recordDevice, recordOpenedWallets, walletsOpened } from './registry.ts'
import { applyReversals, applyReviews, dueAtMs, dueResolutions, recordResolution } from './resolve.ts'
import { decide, findLateProofs, findLostProofs, type SettleDeps, writeLateProofs, writeLostProofs } from './settle.ts'
import type { ModelState } from './state.ts'

/**
 * Inbox → book, as production's `reconcileOnce`:
 *
 *   claim → device facts, resolutions of people, answers of holders → bundles → resolutions that can be carried out
 *         → claims that end → wallets that came
 */
export interface ReconcileDeps extends SettleDeps {
  readonly life: Life
  readonly random: () => number
  readonly log: Log
}

/** @returns how much there was to do */
export async function reconcileOnce(deps: ReconcileDeps): Promise<number> {
  const { life, clock } = deps
  const rows = await life.commit('claim', ({ inbox }) => claim(inbox, clock()))
  const bundles: InboxBundle[] = []
  for (const row of rows) await attempt(deps, row, async () => void bundles.push(...(await take(deps, row))))
  if (bundles.length > 0) await settleBundles(deps, bundles)
  const due = (await applyResolutions(deps)) + (await endClaims(deps)) + (await changeAllowances(deps))
  return rows.length + due + (await findOpenedWallets(deps))
}

/** @returns when there is something to do next; undefined when only a message can tell */
export function nextReconcileMs(state: ModelState, nowMs: number): number | undefined {
  if (walletsOpened(state).length > 0) return nowMs
  if (state.settlement.isHalted) return nextDueMs(state.inbox, nowMs)
  const open = state.resolutions.flatMap((row) => (row.result === null ? (dueAtMs(state, row, nowMs) ?? []) : []))
  const others = [nextDueMs(state.inbox, nowMs), nextClaimMs(state, nowMs), nextAllowanceMs(state, nowMs)]
  const due = [...open, ...others.filter((at) => at !== undefined)]
  return due.length === 0 ? undefined : Math.min(...due)
}

/** @returns the message if it is a bundle; everything else is done with it */
async function take(deps: ReconcileDeps, row: InboxRow): Promise<readonly InboxBundle[]> {
  // Again, though the inbox took it: a person may have released what was parked for it.
  const opened = await openSettleMessage(row.body, deps.trusted)
  if (!opened.ok) await parkRow(deps, row, opened.error.fault)
  else if (opened.value.kind === 'bundle') return [{ row, message: opened.value }]
  else if (opened.value.kind === 'device') await takeDevice(deps, row, opened.value)
  else if (opened.value.kind === 'claim_answer') await takeWord(deps, row, CLAIM_ANSWERS, opened.value, recordAnswer)
  else if (opened.value.kind === 'mandate') await takeWord(deps, row, MANDATES, opened.value, recordMandate)
  else if (opened.value.kind === 'allowance_order')
    await takeWord(deps, row, ALLOWANCE_ORDERS, opened.value, recordOrder)
  else await takeResolution(deps, row, opened.value)
  return []
}

async function takeDevice(deps: ReconcileDeps, row: InboxRow, message: DeviceMessage): Promise<void> {
  for (const key of [message, ...(message.olderKeys ?? [])]) {
    if (!(await isOwnKeyId(key))) return parkRow(deps, row, 'invalid_key')
  }
  const fault = await deps.life.commit('device', (state) => {
    if (stillPending(state.inbox, row.id) === undefined) return undefined
    const fault = recordDevice(state, message, deps.clock())
    if (fault === undefined) markDone(state.inbox, row.id)
    return fault
  })
  if (fault !== undefined) await parkRow(deps, row, fault)
}

async function takeResolution(deps: ReconcileDeps, row: InboxRow, message: ResolutionMessage): Promise<void> {
  const hash = toHex(await webCryptoSuite.sha256(encodeSettleMessage(message)))
  const fault = await deps.life.commit('resolution', (state) => {
    if (stillPending(state.inbox, row.id) === undefined) return undefined
    const fault = recordResolution(state, message, hash, deps.clock())
    if (fault === undefined) markDone(state.inbox, row.id)
    return fault
  })
  if (fault === 'unknown_device') await waitFor(deps, row, { what: 'device', devices: [message.deviceId] })
  else if (fault !== undefined) await parkRow(deps, row, fault)
}

/** @param keep @returns why it is not kept now, or that another one is kept under its number */
async function takeWord<Message extends WordMessage, Signed extends SignedWord>(
  deps: ReconcileDeps,
  row: InboxRow,
  kind: WordKind<Message, Signed>,
  message: Message,
  keep: (state: ModelState, message: Message, atMs: number) => string | undefined,
): Promise<void> {
  const { deviceId } = message
  const read = readWord(kind, message)
  if (!read.ok) return parkRow(deps, row, read.error)
  const signature = await faultOfWord(kind, read.value, await loadDevices(deps.state, [deviceId]))
  const fault =
    signature ??
    (await deps.life.commit(kind.name, (state) => {
      if (stillPending(state.inbox, row.id) === undefined) return undefined
      const fault = keep(state, message, deps.clock())
      if (fault === undefined) markDone(state.inbox, row.id)
      return fault
    }))
  if (fault === 'unknown_device') return waitFor(deps, row, { what: 'device', devices: [deviceId] })
  if (fault !== undefined) await parkRow(deps, row, fault)
}

async function endClaims({ life, state, clock }: ReconcileDeps): Promise<number> {
  const devices = devicesWithDueClaims(state, clock())
  if (devices.length === 0 || state.settlement.isHalted) return 0
  await life.commit('claims', (state) => {
    if (!state.settlement.isHalted) applyClaims(state, devices, clock())
  })
  return devices.length
}

async function changeAllowances({ life, state, clock }: ReconcileDeps): Promise<number> {
  let count = 0
  for (const deviceId of devicesWithDueOrders(state)) {
    if (state.settlement.isHalted) return count
    await life.commit('allowances', (state) => {
      if (!state.settlement.isHalted) applyOrders(state, deviceId, clock())
      if (allowanceVerdict(state, deviceId)) announce(state, [{ deviceId, allowance: true }], clock())
    })
    count += 1
  }
  if (state.settlement.isHalted) return count
  return life.commit('allowances', (state) => {
    const over = state.settlement.isHalted ? [] : expire(state, clock())
    announce(
      state,
      over.map(({ deviceId }) => ({ deviceId, allowance: true })),
      clock(),
    )
    return count + over.length
  })
}

/** All at once; when that fails each by itself, so that one that cannot be worked on stops no other. */
async function settleBundles(deps: ReconcileDeps, bundles: readonly InboxBundle[]): Promise<void> {
  try {
    await settleTogether(deps, bundles)
  } catch (error) {
    if (error instanceof BookBroken) throw error
    deps.log.warn({ bundles: bundles.length, fault: faultOf(error) }, 'bundles not settled; each by itself')
    for (const one of bundles) await attempt(deps, one.row, () => settleTogether(deps, [one]))
  }
}

async function settleTogether(deps: ReconcileDeps, bundles: readonly InboxBundle[]): Promise<void> {
  const decisions = await decide(deps, bundles)
  for (const decision of decisions) {
    if (decision.kind === 'wait') await waitFor(deps, decision.of.row as InboxRow, decision.wanted, decision.verified)
    if (decision.kind === 'park') await parkRow(deps, decision.of.row as InboxRow, decision.fault)
  }
  const prepared = decisions.flatMap((decision) => (decision.kind === 'post' ? [decision.prepared] : []))
  if (prepared.length === 0) return
  const isPosted = await deps.life.commit('bundles', (state) => {
    if (!state.settlement.isHalted) postBundles(state, prepared, deps.clock())
    return !state.settlement.isHalted
  })
  if (isPosted) return
  for (const { row, verified } of prepared)
    await waitFor(deps, row as InboxRow, { what: 'settlement' }, bundleSubject(verified.receipt))
}

async function applyResolutions(deps: ReconcileDeps): Promise<number> {
  const { life, state, clock } = deps
  if (state.settlement.isHalted) return 0
  const reviews = dueResolutions(state, 'review', clock())
  if (reviews.length > 0) {
    const proofs = await findLateProofs(deps, reviews)
    const lost = await findLostProofs(deps, reviews)
    await life.commit('reviews', (state) => {
      if (state.settlement.isHalted) return
      const atMs = clock()
      writeLateProofs(state, proofs, atMs)
      writeLostProofs(state, lost)
      applyReviews(state, dueResolutions(state, 'review', atMs), atMs)
    })
  }
  const reversals = dueResolutions(state, 'reversal', clock())
  if (reversals.length > 0) {
    await life.commit('reversals', (state) => {
      if (state.settlement.isHalted) return
      const atMs = clock()
      applyReversals(state, dueResolutions(state, 'reversal', atMs), atMs)
    })
  }
  return reviews.length + reversals.length
}

async function findOpenedWallets({ life, state, clock }: ReconcileDeps): Promise<number> {
  const opened = walletsOpened(state)
  if (opened.length > 0) await life.commit('wallets', (state) => recordOpenedWallets(state, clock()))
  return opened.length
}

/** What fails is tried again; what keeps failing is parked. */
async function attempt(deps: ReconcileDeps, row: InboxBundle['row'], work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (error instanceof BookBroken) throw error
    const fault = faultOf(error)
    if (row.failures + 1 >= FAILURES_MAX) return parkRow(deps, row, fault)
    const untilMs = deps.clock() + backoffMs(FAILURE, row.attempts, deps.random())
    await deps.life.commit('retry', ({ inbox }) => retry(inbox, row.id, fault, untilMs))
  }
}

/** @param verified an authentic bundle: nobody has to send it again while it waits, and the edge is told so */
async function waitFor(deps: ReconcileDeps, row: InboxRow, wanted: Wanted, verified?: Subject): Promise<void> {
  const { life, clock, random } = deps
  const pauseMs = waitingMs(WAITING, waitedMs(deps, row, wanted.what), random())
  await life.commit('wait', (state) => {
    if (verified !== undefined) announce(state, [verified], clock())
    wait(state.inbox, row.id, wanted, clock() + pauseMs, clock())
  })
}

async function parkRow({ life, log }: ReconcileDeps, row: InboxBundle['row'], fault: string): Promise<void> {
  log.error({ inbox: row.id, kind: row.kind, fault }, 'message parked')
  await life.commit('park', ({ inbox }) => park(inbox, row.id, fault))
}
