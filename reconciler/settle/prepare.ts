import type { KeyProvider } from '../../src/crypto/key-provider.ts'
import type { TrustedKey } from '../../src/crypto/sign1.ts'
import type { BundleMessage } from '../../src/protocol/messages.ts'
import { paymentsIn } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import { HOUR_MS } from '../../src/protocol/time.ts'
import { transact } from '../db.ts'
import type { InboxRow, Wanted } from '../pull/inbox.ts'
import { agentDeviceOf } from '../registry/approvals.ts'
import { payerDeviceOf, type Taker, takerOf } from '../registry/authority.ts'
import { type PolicyReader, policyKey } from '../registry/policies.ts'
import { loadDevices, type Registry } from '../registry/registry.ts'
import { announce, bundleSubject } from '../tell/outbox.ts'
import { type AttemptDeps, attempt, parkRow, together, waitedMs, waitFor } from './attempt.ts'
import { type AuthorisedBundle, authorise } from './authorise.ts'
import { judgeAgain } from './judge-again.ts'
import type { PreparedBundle } from './post.ts'
import { findUnknownRefunded } from './refunded.ts'
import type { RiskScorer } from './risk.ts'
import { findTwins } from './twins.ts'
import { type VerifiedBundle, verifyBundle } from './verify-bundle.ts'
import { findVoided } from './voided.ts'

/**
 * Finds out all that has to be known of bundles before anything is locked, and only reads:
 *
 *   devices → verify and open → policies → payers' and agents' devices → what refunds give back → risk, twins, voided numbers
 *           → judge again
 *
 * A bundle that cannot go on keeps none of the others back: it waits, is tried again or parked, and drops out.
 */
export interface PrepareDeps extends AttemptDeps {
  readonly keys: KeyProvider
  readonly trusted: readonly TrustedKey[]
  readonly policies: PolicyReader
  readonly risk: RiskScorer
}

export interface InboxBundle {
  readonly row: InboxRow
  readonly message: BundleMessage
}
interface Verified extends InboxBundle {
  readonly verified: VerifiedBundle
  readonly taker: Taker
}
interface UnderPolicy extends Verified {
  readonly policy: Policy
}
interface Authorised extends InboxBundle {
  readonly bundle: AuthorisedBundle
}

/**
 * How long a payer's or an agent's device is waited for, or what a refund gives back. Anyone can name one that does not exist, and the rest of its bundle waits with
 * it; a message that the queue lost is sent again long before.
 */
export const SIGNER_WAIT_MAX_MS = 2 * HOUR_MS

export async function prepare(deps: PrepareDeps, bundles: readonly InboxBundle[]): Promise<readonly PreparedBundle[]> {
  const authorised = await authoriseAll(deps, await withPolicies(deps, await verifyAll(deps, bundles)))
  return judgeAll(deps, await withRefunded(deps, authorised))
}

async function verifyAll(deps: PrepareDeps, bundles: readonly InboxBundle[]): Promise<readonly Verified[]> {
  const known = await together(deps, bundles, (some) =>
    loadDevices(
      deps.pool,
      some.map(({ message }) => message.deviceId),
    ),
  )
  const verified: Verified[] = []
  await Promise.all(
    known.map(([{ row, message }, registry]) =>
      attempt(deps, row, async () => {
        const result = await verifyBundle(message, registry, deps.keys, deps.trusted)
        if (result.ok) {
          verified.push({ row, message, verified: result.value, taker: takerIn(registry, result.value) })
        } else if (result.error === 'unknown_device') {
          await waitFor(deps, row, { what: 'device', devices: [message.deviceId] })
        } else {
          await parkRow(deps, row, result.error)
        }
      }),
    ),
  )
  return verified
}

async function withPolicies(deps: PrepareDeps, bundles: readonly Verified[]): Promise<readonly UnderPolicy[]> {
  const known = await together(deps, bundles, (some) => deps.policies(some.map(({ verified }) => verified.receipt)))
  const found: UnderPolicy[] = []
  for (const [one, policies] of known) {
    const { country, policyVersion } = one.verified.receipt
    const policy = policies.get(policyKey(country, policyVersion))
    if (policy !== undefined) found.push({ ...one, policy })
    else await attempt(deps, one.row, () => waitVerified(deps, one, { what: 'policy' }))
  }
  return found
}

async function authoriseAll(deps: PrepareDeps, bundles: readonly UnderPolicy[]): Promise<readonly Authorised[]> {
  const known = await together(deps, bundles, (some) => loadDevices(deps.pool, some.flatMap(signersOf)))
  const authorised: Authorised[] = []
  for (const [one, registry] of known) {
    const { row, message, verified, policy, taker } = one
    await attempt(deps, row, async () => {
      const bundle = await authorise(verified, policy, taker, registry)
      // What waits for a refunded payment by now had its time for signers before.
      const forSigners =
        row.waitingFor === 'refunded_payment' ? SIGNER_WAIT_MAX_MS : waitedMs(deps, row, 'payer_device')
      const devices = awaitedDevices(bundle, forSigners)
      if (devices.length > 0) await waitVerified(deps, one, { what: 'payer_device', devices })
      else authorised.push({ row, message, bundle })
    })
  }
  return authorised
}

async function withRefunded(deps: PrepareDeps, authorised: readonly Authorised[]): Promise<readonly Authorised[]> {
  const found = await together(deps, authorised, async (some) => {
    const unknown = await findUnknownRefunded(
      deps.pool,
      some.map(({ bundle }) => bundle),
    )
    return new Set(some.filter((_, i) => unknown[i]))
  })
  const known: Authorised[] = []
  for (const [one, unknown] of found) {
    const waits = unknown.has(one) && waitedMs(deps, one.row, 'refunded_payment') < SIGNER_WAIT_MAX_MS
    if (!waits) known.push(one)
    else {
      const { row, bundle } = one
      await attempt(deps, row, () =>
        waitVerified(deps, { row, verified: bundle.verified }, { what: 'refunded_payment' }),
      )
    }
  }
  return known
}

const NONE: ReadonlySet<number> = new Set()

async function judgeAll(deps: PrepareDeps, authorised: readonly Authorised[]): Promise<readonly PreparedBundle[]> {
  const found = await together(deps, authorised, async (some) => {
    const bundles = some.map(({ bundle }) => bundle)
    const [risks, twins, voided] = await Promise.all([
      deps.risk(bundles),
      findTwins(deps.pool, bundles),
      findVoided(deps.pool, bundles),
    ])
    return new Map(
      bundles.map((bundle, i) => [bundle, { risk: risks[i], twins: twins[i] ?? NONE, voided: voided[i] ?? NONE }]),
    )
  })
  const prepared: PreparedBundle[] = []
  for (const [{ row, message, bundle }, findings] of found) {
    await attempt(deps, row, async () => {
      const { risk, twins = NONE, voided = NONE } = findings.get(bundle) ?? {}
      const payments = await judgeAgain(bundle, { risk, twins, voided })
      const { verified, policy } = bundle
      prepared.push({ row, message, verified, policy, risk: risk?.record, payments })
    })
  }
  return prepared
}

/** Devices whose keys are needed to know by what right payments of a bundle debit their wallets, and who approved them. */
export function signersOf({ verified, taker, policy }: Pick<UnderPolicy, 'verified' | 'taker' | 'policy'>): string[] {
  return paymentsIn(verified.payload)
    .flatMap((payment) => [payerDeviceOf(payment, taker), agentDeviceOf(payment, policy, taker)])
    .filter((deviceId) => deviceId !== undefined)
}

export function takerIn(registry: Registry, { bundle, receipt }: VerifiedBundle): Taker {
  const device = registry.get(receipt.deviceId)
  if (device === undefined) throw new Error('a verified bundle of an unknown device')
  return takerOf(device, bundle.claims.kid, receipt.receivedAtMs)
}

/**
 * Devices whose facts a bundle waits for. Its own device's without an end: the edge has signed both the receipt and the
 * consent that it judged by, and sends facts until they are recorded.
 */
export function awaitedDevices(
  { verified, unknownSigners, awaitsConsent }: AuthorisedBundle,
  waitedMs: number,
): readonly string[] {
  const signers = waitedMs < SIGNER_WAIT_MAX_MS ? unknownSigners : []
  return awaitsConsent ? [verified.receipt.deviceId, ...signers] : signers
}

/** It is the edge's and it is here: nobody has to send it again while it waits, and the edge is told so once. */
export async function waitVerified(
  deps: PrepareDeps,
  { row, verified }: Pick<Verified, 'row' | 'verified'>,
  wanted: Wanted,
): Promise<void> {
  if (row.waitingFor === null || row.waitingFor === 'device') {
    await transact(deps.pool, (client) => announce(client, [bundleSubject(verified.receipt)], new Date(deps.clock())))
  }
  await waitFor(deps, row, wanted)
}
