import { proveDevice } from '../../../crypto/prove-device.ts'
import { equalBytes, toHex } from '../../../protocol/bytes.ts'
import type { DeniedPass } from '../../../protocol/denied.ts'
import { DEVICE_PROOF_SCHEME } from '../../../protocol/device-proof.ts'
import type { KeySet } from '../../../protocol/keyset.ts'
import { NONCE_BYTES, OUTCOMES_PER_NOTICE_MAX, PAYMENTS_PER_BUNDLE_MAX } from '../../../protocol/limits.ts'
import type { Notice } from '../../../protocol/notice.ts'
import { passIn } from '../../../protocol/pass.ts'
import { ok, type Result } from '../../../protocol/result.ts'
import { isFinal } from '../../../protocol/states.ts'
import { DAY_MS } from '../../../protocol/time.ts'
import { isBlocking } from '../errors.ts'
import { countedElsewhere } from '../store/allowance.ts'
import { withChange } from '../store/changes.ts'
import type { DeviceState } from '../store/device-state.ts'
import { statusOf } from '../store/entry.ts'
import { edgeKeys, newestKeys } from './edge-keys.ts'
import { type Failure, fail, failureOf, loadSigner, rememberBlock, type SyncDeps, signing } from './sync-deps.ts'

/** A notice whose signature holds and that is for this device. */
export interface ReceivedNotice {
  readonly notice: Notice
  /** The signed bytes, for keeping as proof. */
  readonly signed: Uint8Array
  readonly roundTripMs: number
}

const NOTICE_PATH = '/offline/notice'

/**
 * What the device has, so that it is sent only what it misses.
 *
 * @param cursor undefined: the device asks where it stands, and for all outcomes
 */
export function versionHeaders(
  { device, isPayer }: Pick<SyncDeps, 'device' | 'isPayer'>,
  keys: KeySet,
  cursor: number | undefined,
): Record<string, string> {
  return {
    ...(cursor !== undefined && { 'Molam-Cursor': String(cursor) }),
    ...(device.hasState && { 'Molam-Policy-Version': String(device.state.policy.version) }),
    'Molam-Keys-Version': String(keys.version),
    ...(device.hasState && device.state.denied && { 'Molam-Denied-Version': String(device.state.denied.version) }),
    ...(isPayer && wantsPass(device) && { 'Molam-Pass': '1' }),
  }
}

/** Asks for the notice alone, with a fresh proof of the device. An earlier one, given again by somebody in between, is refused. */
export async function fetchNotice(
  deps: SyncDeps,
  keys: KeySet,
  cursor: number | undefined,
): Promise<Result<ReceivedNotice, Failure>> {
  const { device, transport, trust } = deps
  let proof = await deviceProof(deps, 'GET', NOTICE_PATH)
  if (!proof.ok) return proof
  const versions = versionHeaders(deps, keys, cursor)
  const ask = (Authorization: string) => transport.get(NOTICE_PATH, { Authorization, ...versions })
  let answer = await ask(proof.value.authorization)
  if (answer.kind === 'problem' && answer.serverTimeMs !== undefined) {
    if (!device.clock.learnForSigning(answer.serverTimeMs)) return failureOf(answer)
    proof = await deviceProof(deps, 'GET', NOTICE_PATH)
    if (!proof.ok) return proof
    answer = await ask(proof.value.authorization)
  }
  // The proof is all that this request carries: refused, the edge knows another key for this device, or none.
  await rememberBlock(deps, answer, (code) => isBlocking(code) || code === 'invalid_signature')
  if (answer.kind !== 'ok') return failureOf(answer)
  const notice = await trust.openNotice(keys, answer.body)
  if (notice?.answersNonce === undefined || !equalBytes(notice.answersNonce, proof.value.nonce)) {
    return fail('answer_invalid')
  }
  return ok({ notice, signed: answer.body, roundTripMs: answer.roundTripMs })
}

/** Proves the device for one method, path and body, now. */
export async function deviceProof(
  deps: SyncDeps,
  htm: 'GET' | 'POST',
  path: string,
  body?: Uint8Array,
): Promise<Result<{ readonly authorization: string; readonly nonce: Uint8Array }, Failure>> {
  const { device, transport, randomBytes } = deps
  const loaded = await loadSigner(deps)
  if (!loaded.ok) return loaded
  const { signer, kid } = loaded.value
  const nonce = randomBytes(NONCE_BYTES)
  const claims = {
    kid,
    deviceId: device.deviceId,
    issuedAtMs: device.clock.signingMs(),
    nonce,
    htm,
    htu: transport.url(path),
    ...(body && { bodyDigest: await deps.suite.sha256(body) }),
  }
  return signing(async () => ({ authorization: `${DEVICE_PROOF_SCHEME} ${await proveDevice(signer, claims)}`, nonce }))
}

/**
 * Takes over what a notice says: outcomes first, and then the cursor that stands for them, with everything else in one
 * write. Nothing goes backwards, so a notice that comes again or late changes nothing.
 *
 * @returns how many payments have news
 */
export async function applyNotice(deps: SyncDeps, received: ReceivedNotice): Promise<number> {
  const { device, changed } = deps
  const { notice, roundTripMs } = received
  let news = 0
  for (const outcome of notice.outcomes) {
    // A lock for each, so that a payment can be taken in between.
    const entry = await device.change(() => device.journal.recordOutcome(outcome))
    if (entry === undefined) continue
    news++
    changed(entry)
  }
  await device.change(async () => {
    // The edge has seen counters up to here: a copy of this device, or a store that was set back, used them.
    const next = notice.device ?? notice.next
    await device.journal.skipTo(Math.max(next?.nextCounter ?? 1, ...notice.outcomes.map(({ counter }) => counter + 1)))
    const { state } = device
    // Device facts come without outcomes, so their cursor would skip those that were never delivered.
    const cursor = notice.device ? state.cursor : Math.max(state.cursor, notice.cursor)
    const counters = notice.outcomes.map(({ counter }) => counter)
    const changes = withChange(state.changes, counters)
    if (notice.serverTimeMs < state.clock.serverMs) return device.update({ cursor, changes })
    const {
      blocked,
      ownerWalletFault: _,
      claims: __,
      mandated: ___,
      debits: ______,
      paysUntilMs: ____,
      allowance: _____,
      ...unblocked
    } = state
    // A notice is also given to a device that is suspended: while there is a bundle to send, only a receipt unblocks. One
    // whose key was refused got this notice for a proof that holds.
    const stillBlocked = blocked && blocked.code !== 'invalid_signature' && device.outgoing && { blocked }
    const policy = notice.policy && isNewer(notice.policy, state) ? notice.policy : state.policy
    const keys = newestKeys(edgeKeys(deps), notice.keys)
    // The very notice that set the clock says nothing new of it, however late it comes again.
    const { clock: known } = state
    const isLater = notice.serverTimeMs > known.serverMs
    const clock = isLater ? device.clock.reading(notice.serverTimeMs, roundTripMs, device.journal.nextCounter) : known
    const lostByEdge = lostOf(deps, notice.missing ?? [])
    const elsewhere = countedElsewhere(notice, device.journal.entries, policy)
    const facts = {
      ...(elsewhere && { elsewhere }),
      ...(notice.ownerWalletFault && { ownerWalletFault: notice.ownerWalletFault }),
      ...(notice.claims && { claims: notice.claims }),
      ...(notice.mandated && { mandated: notice.mandated }),
      ...(notice.debits && { debits: notice.debits }),
      ...(notice.paysUntilMs !== undefined && { paysUntilMs: notice.paysUntilMs }),
      ...(notice.pass && { pass: notice.pass }),
      ...(notice.denied && { denied: deniedAfter(state.denied, notice.denied, notice.serverTimeMs) }),
      ...(notice.allowance && { allowance: notice.allowance }),
    }
    const news = { cursor, policy, keys, clock, changes, lostByEdge }
    return device.replace({ ...unblocked, ...stillBlocked, ...facts, ...news })
  })
  return news
}

/**
 * Counters that the edge misses and that it had acknowledged. Those without an acknowledgement are sent anyway, and a final
 * answer stands, whatever became of the edge's own copy.
 */
function lostOf({ device, acknowledged }: SyncDeps, missing: readonly number[]): readonly number[] {
  return missing.filter((counter) => {
    const entry = device.journal.entry(counter)
    if (entry?.admitted === undefined || acknowledged.has(counter)) return false
    const status = statusOf(entry)
    return status === 'voided' || !isFinal(status)
  })
}

/** Versions count per country: a device that moves starts with the other country's. */
const isNewer = (policy: DeviceState['policy'], state: DeviceState): boolean =>
  policy.country !== state.policy.country || policy.version > state.policy.version

/** Whether there may be more outcomes behind these. The edge does not divide those of one bundle between two notices. */
export const isFull = (notice: Notice): boolean =>
  notice.outcomes.length > OUTCOMES_PER_NOTICE_MAX - PAYMENTS_PER_BUNDLE_MAX

/** What is over by its date is let go. */
function deniedAfter(
  before: DeviceState['denied'],
  changes: readonly DeniedPass[],
  nowMs: number,
): NonNullable<DeviceState['denied']> {
  const kids = new Map(Object.entries(before?.kids ?? {}))
  for (const { kid, untilMs, isDenied } of changes) {
    if (isDenied) kids.set(toHex(kid), untilMs)
    else kids.delete(toHex(kid))
  }
  const version = Math.max(before?.version ?? 0, ...changes.map((change) => change.version))
  return { version, kids: Object.fromEntries([...kids].filter(([, untilMs]) => untilMs > nowMs - 2 * DAY_MS)) }
}

/**
 * A phone that finds a network twice a week always has a pass: half its life before the end a new one is asked for, and when one may have
 * an allowance that the last one has not.
 */
function wantsPass(device: SyncDeps['device']): boolean {
  const pass = device.hasState ? passIn(device.state.pass) : undefined
  if (pass === undefined) return true
  const { allowance } = device.state
  const mayCover = allowance?.state === 'requested' || allowance?.state === 'open'
  return (mayCover && allowance.no !== pass.allowance?.no) || device.clock.nowMs() > (pass.fromMs + pass.untilMs) / 2
}
