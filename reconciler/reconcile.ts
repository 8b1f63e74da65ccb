import type pg from 'pg'
import type { KeyProvider } from '../src/crypto/key-provider.ts'
import { openSettleMessage } from '../src/crypto/settle-message.ts'
import type { TrustedKey } from '../src/crypto/sign1.ts'
import { parseBundle } from '../src/protocol/bundle.ts'
import { ulidText } from '../src/protocol/ids.ts'
import type { BundleMessage, DecisionMessage, DeviceMessage } from '../src/protocol/messages.ts'
import { isVoided } from '../src/protocol/payment.ts'
import type { Policy } from '../src/protocol/policy.ts'
import { unreachable } from '../src/protocol/result.ts'
import { payerDeviceOf } from './authority.ts'
import { type Backoff, backoffMs, PAUSE_MAX_MS } from './backoff.ts'
import { isTransient, transact } from './db.ts'
import { type AuthorisedBundle, authorise, decidePayments } from './decide.ts'
import { recordDecision, settleDecisions } from './decisions.ts'
import { claim, type InboxRow, park, retry, type WaitingFor, wait } from './inbox.ts'
import { faultOf, type Log } from './log.ts'
import { announce } from './outbox.ts'
import { type PolicyReader, policyKey } from './policies.ts'
import { type PreparedBundle, postBundles } from './post.ts'
import { loadDevices, type Registry, recordDevice } from './registry.ts'
import type { RiskScorer } from './risk.ts'
import type { SettledCount } from './settled-counts.ts'
import { findTwins } from './twins.ts'
import { type VerifiedBundle, verifyBundle } from './verify-bundle.ts'

/**
 * Inbox → book:
 *
 *   claim → device facts into the registry, decisions of people into their table
 *         → bundles: verify, open → payers' devices → risk → decide → post, many at once
 *         → decisions that can be carried out
 *
 * Everything between `verify` and `post` only reads. A bundle that cannot go on keeps none of the others back.
 */
export interface ReconcileDeps {
  readonly pool: pg.Pool
  readonly keys: KeyProvider
  readonly trusted: readonly TrustedKey[]
  readonly policies: PolicyReader
  readonly risk: RiskScorer
  readonly clock: () => number
  readonly random: () => number
  readonly log: Log
  /** Told what became of payments, after each COMMIT. */
  readonly settled: (counts: readonly SettledCount[]) => void
}

/** Bundles in one transaction: at most 5 000 payments, some tens of milliseconds under locks. */
const BATCH_MAX = 50
/** After this many failures that are not the database's a person has to look. */
const ATTEMPTS_MAX = 10
const FAILURE: Backoff = { firstMs: 1_000, maxMs: PAUSE_MAX_MS }
/** The device's facts are on their way, or will be sent again by the edge. */
const WAITING: Backoff = { firstMs: 500, maxMs: 60_000 }
/** How often a payer's device is waited for: anyone can name one that does not exist. */
const PAYER_ATTEMPTS_MAX = 6

/** @returns how many messages and decisions it took */
export async function reconcileOnce(deps: ReconcileDeps): Promise<number> {
  const rows = await claim(deps.pool, BATCH_MAX, deps.clock())
  const bundles: BundleRow[] = []
  for (const row of rows) {
    await guarded(deps, row, async () => {
      // Again, though the inbox took it: a person may have released what was parked for it.
      const opened = await openSettleMessage(new Uint8Array(row.body), deps.trusted)
      if (!opened.ok) return parkRow(deps, row, opened.error.fault)
      const message = opened.value
      switch (message.kind) {
        case 'device':
          return settleDevice(deps, row, message)
        case 'bundle':
          bundles.push({ row, message })
          return
        case 'review':
        case 'reversal':
          return settleDecision(deps, row, message)
        default:
          return unreachable(message)
      }
    })
  }
  if (bundles.length > 0) await settleBundles(deps, bundles)
  return rows.length + (await settleDecisions(deps))
}

interface BundleRow {
  readonly row: InboxRow
  readonly message: BundleMessage
}

async function settleDevice(deps: ReconcileDeps, row: InboxRow, message: DeviceMessage): Promise<void> {
  const fault = await recordDevice(deps.pool, row.id, message, new Date(deps.clock()))
  if (fault !== undefined) await parkRow(deps, row, fault)
}

async function settleDecision(deps: ReconcileDeps, row: InboxRow, message: DecisionMessage): Promise<void> {
  const fault = await recordDecision(deps.pool, row.id, message, new Date(deps.clock()))
  if (fault === 'unknown_device') return waitFor(deps, row, 'device')
  if (fault !== undefined) await parkRow(deps, row, fault)
}

async function settleBundles(deps: ReconcileDeps, bundles: readonly BundleRow[]): Promise<void> {
  const prepared = await prepare(deps, bundles)
  if (prepared.length === 0) return
  try {
    deps.settled(await postBundles(deps.pool, prepared, new Date(deps.clock())))
  } catch (error) {
    deps.log.warn({ bundles: prepared.length, fault: faultOf(error) }, 'batch not posted; posting one by one')
    for (const one of prepared) {
      const row = bundles.find(({ row }) => row.id === one.inboxId)?.row as InboxRow
      await guarded(deps, row, async () => deps.settled(await postBundles(deps.pool, [one], new Date(deps.clock()))))
    }
  }
}

/** Finds out all that has to be known before anything is locked. */
async function prepare(deps: ReconcileDeps, bundles: readonly BundleRow[]): Promise<readonly PreparedBundle[]> {
  const messages = bundles.map(({ message }) => message)
  const registry = await loadDevices(
    deps.pool,
    messages.map(({ deviceId }) => deviceId),
  )
  const authentic: { row: InboxRow; message: BundleMessage; verified: VerifiedBundle }[] = []
  await Promise.all(
    bundles.map(({ row, message }) =>
      guarded(deps, row, async () => {
        const verified = await verifyBundle(message, registry, deps.keys, deps.trusted)
        if (!verified.ok) {
          if (verified.error === 'unknown_device') return waitFor(deps, row, 'device')
          return parkRow(deps, row, verified.error)
        }
        authentic.push({ row, message, verified: verified.value })
      }),
    ),
  )

  const policies = await deps.policies(authentic.map(({ verified }) => verified.receipt))
  const opened: { row: InboxRow; message: BundleMessage; verified: VerifiedBundle; policy: Policy }[] = []
  for (const { row, message, verified } of authentic) {
    await guarded(deps, row, async () => {
      const policy = policies.get(policyKey(verified.receipt.country, verified.receipt.policyVersion))
      if (policy === undefined) return waitVerified(deps, row, message, 'policy')
      opened.push({ row, message, verified, policy })
    })
  }

  const payers = opened.flatMap(({ message, verified, policy }) =>
    verified.payload.entries.flatMap((entry) =>
      isVoided(entry) ? [] : (payerDeviceOf(entry, policy, ownerOf(registry, message)) ?? []),
    ),
  )
  const known = payers.length === 0 ? registry : new Map([...registry, ...(await loadDevices(deps.pool, payers))])
  const authorised: { row: InboxRow; message: BundleMessage; bundle: AuthorisedBundle }[] = []
  for (const { row, message, verified, policy } of opened) {
    await guarded(deps, row, async () => {
      const mayWait = row.attempts < PAYER_ATTEMPTS_MAX
      const bundle = await authorise(verified, policy, ownerOf(registry, message), known, mayWait)
      if (bundle === undefined) return waitVerified(deps, row, message, 'payer_device')
      authorised.push({ row, message, bundle })
    })
  }
  return decide(deps, authorised)
}

async function decide(
  deps: ReconcileDeps,
  authorised: readonly { readonly row: InboxRow; readonly message: BundleMessage; readonly bundle: AuthorisedBundle }[],
): Promise<readonly PreparedBundle[]> {
  const bundles = authorised.map(({ bundle }) => bundle)
  const [risks, twins] = await Promise.all([deps.risk(bundles), findTwins(deps.pool, bundles)])
  const prepared: PreparedBundle[] = []
  for (const [i, { row, message, bundle }] of authorised.entries()) {
    await guarded(deps, row, async () => {
      const risk = risks[i]
      const payments = await decidePayments(bundle, { risk, twins: twins[i] ?? new Set() })
      const { verified, policy } = bundle
      prepared.push({ inboxId: row.id, message, verified, policy, risk: risk?.record, payments })
    })
  }
  return prepared
}

function ownerOf(registry: Registry, message: BundleMessage): string {
  const device = registry.get(message.deviceId)
  if (device === undefined) throw new Error('a verified bundle of an unknown device')
  return device.ownerWallet
}

async function waitFor(deps: ReconcileDeps, row: InboxRow, what: WaitingFor): Promise<void> {
  await wait(deps.pool, row.id, what, new Date(deps.clock() + backoffMs(WAITING, row.attempts, deps.random())))
}

/** It is the edge's and it is here: nobody has to send it again while it waits. */
async function waitVerified(
  deps: ReconcileDeps,
  row: InboxRow,
  message: BundleMessage,
  what: WaitingFor,
): Promise<void> {
  const { bundleId, seq } = parseBundle(message.bundle).claims
  const subject = { deviceId: message.deviceId, bundleId: ulidText(bundleId), seq }
  await transact(deps.pool, (client) => announce(client, [subject], new Date(deps.clock())))
  await waitFor(deps, row, what)
}

async function parkRow(deps: ReconcileDeps, row: InboxRow, fault: string): Promise<void> {
  deps.log.error({ inbox: row.id, kind: row.kind, fault }, 'message parked')
  await park(deps.pool, row.id, fault)
}

/**
 * Runs one message's part. What fails is tried again later; when it keeps failing, and not because of the database, it
 * is parked. If not even that can be written, the lease runs out and the message comes up again.
 */
async function guarded(deps: ReconcileDeps, row: InboxRow, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    const fault = faultOf(error)
    if (!isTransient(error) && row.attempts >= ATTEMPTS_MAX) return parkRow(deps, row, fault)
    deps.log.warn({ inbox: row.id, kind: row.kind, attempts: row.attempts, fault }, 'message failed')
    const until = new Date(deps.clock() + backoffMs(FAILURE, row.attempts, deps.random()))
    await retry(deps.pool, row.id, fault, until)
  }
}
