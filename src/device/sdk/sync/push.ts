import { signBundle } from '../../../crypto/bundle-crypto.ts'
import { equalBytes, toBase64url } from '../../../protocol/bytes.ts'
import { prevOf } from '../../../protocol/chain.ts'
import { NONCE_BYTES } from '../../../protocol/limits.ts'
import { decodePushResponse } from '../../../protocol/notice.ts'
import { parse } from '../../../protocol/parse.ts'
import { PROBLEMS } from '../../../protocol/problems.ts'
import { ok, type Result } from '../../../protocol/result.ts'
import type { Outgoing } from '../store/outgoing.ts'
import { sealAgain } from './assemble.ts'
import { park, resolveChain } from './chain.ts'
import { edgeKeys, newestKeys, sealKey } from './edge-keys.ts'
import { applyNotice, type ReceivedNotice, versionHeaders } from './notices.ts'
import { type Failure, fail, failureOf, loadSigner, rememberBlock, type SyncDeps, signing } from './sync-deps.ts'
import type { Answer } from './transport.ts'

/** How often one run signs or seals the same bundle again before it leaves it to the next. */
const ATTEMPTS_PER_RUN = 5
/** How many sealed forms of one bundle there may be: a bound on what an edge that never opens them can cause. */
const SEALED_FORMS_MAX = 8

export interface Pushed {
  /** The notice that came with the receipt, already applied; undefined when only the chain proved the admission. */
  readonly notice: ReceivedNotice['notice'] | undefined
  readonly news: number
}

type Step = 'again' | Result<Pushed, Failure>

/** Admitted, as the chain's head says; the decisions will come as outcomes. */
const PROVEN: Step = ok({ notice: undefined, news: 0 })

/** Sends the bundle in flight until its admission is verified, or until trying again soon makes no sense. */
export async function pushBundle(deps: SyncDeps): Promise<Result<Pushed, Failure>> {
  let last: Result<Pushed, Failure> = fail('answer_invalid')
  for (let attempt = 0; attempt < ATTEMPTS_PER_RUN; attempt++) {
    const bundle = deps.device.outgoing
    if (bundle === undefined) return ok({ notice: undefined, news: 0 })
    const answer = await send(deps, bundle)
    if (!answer.ok) return answer
    const step = await next(deps, bundle, answer.value)
    if (step !== 'again') return step
    if (answer.value.kind !== 'ok') last = failureOf(answer.value)
  }
  return last
}

/** Signs the sealed bytes with a fresh nonce and the present time; the sealed bytes themselves stay the same. */
export async function signOutgoing(
  deps: Pick<SyncDeps, 'device' | 'keyStore' | 'suite' | 'randomBytes'>,
  bundle: Outgoing,
  { relay }: { readonly relay: boolean },
): Promise<Result<Uint8Array, Failure>> {
  const { device, randomBytes } = deps
  const loaded = await loadSigner(deps)
  if (!loaded.ok) return loaded
  const { signer, kid } = loaded.value
  const header = {
    alg: signer.key.alg,
    kid,
    deviceId: device.deviceId,
    signedAtMs: device.clock.signingMs(),
    bundleId: bundle.bundleId,
    seq: bundle.seq,
    prev: bundle.prev,
    nonce: randomBytes(NONCE_BYTES),
    relay,
  }
  return signing(() => signBundle(signer, header, bundle.sealed))
}

async function send(deps: SyncDeps, bundle: Outgoing): Promise<Result<Answer, Failure>> {
  const signed = await signOutgoing(deps, bundle, { relay: false })
  if (!signed.ok) return signed
  return ok(await deps.transport.push(signed.value, versionHeaders(deps, edgeKeys(deps), deps.device.state.cursor)))
}

async function next(deps: SyncDeps, bundle: Outgoing, answer: Answer): Promise<Step> {
  if (answer.kind === 'unknown') return failureOf(answer)
  if (answer.kind === 'ok') return accept(deps, bundle, answer)
  await rememberBlock(deps, answer)
  switch (PROBLEMS[answer.code].next) {
    case 'retry':
      return failureOf(answer)
    case 'resign':
      if (answer.code !== 'clock_skew') return 'again'
      return deps.device.clock.learnForSigning(answer.serverTimeMs ?? Number.NaN) ? 'again' : failureOf(answer)
    case 'rebuild':
      return rebuild(deps, bundle, answer)
    case 'stop':
      if (answer.code !== 'bundle_conflict') return park(deps, answer.code)
      return conflicting(deps)
  }
}

/** A 200: it is an admission only when the receipt is the edge's, and for this very bundle. */
async function accept(deps: SyncDeps, bundle: Outgoing, answer: Extract<Answer, { kind: 'ok' }>): Promise<Step> {
  const { device, trust, changed, acknowledged } = deps
  const parts = readPushResponse(answer.body)
  const keys = edgeKeys(deps)
  const notice = parts && (await trust.openNotice(keys, parts.notice))
  // The receipt may be signed by a key that this very notice brings.
  const receipt = parts && (await trust.openReceipt(newestKeys(keys, notice?.keys), parts.receipt, bundle))
  if (parts === undefined || receipt === undefined) return provenByChain(deps)
  const proof = { proof: 'receipt', signed: toBase64url(parts.receipt) } as const
  const admitted = await device.change(() => device.admit(bundle.seq, prevOf(receipt.digest), proof))
  for (const entry of admitted) changed(entry)
  for (let counter = receipt.firstCounter; counter <= receipt.lastCounter; counter++) acknowledged.add(counter)
  if (notice === undefined) return ok({ notice, news: 0 })
  const news = await applyNotice(deps, { notice, signed: parts.notice, roundTripMs: answer.roundTripMs })
  return ok({ notice, news })
}

function readPushResponse(body: Uint8Array): ReturnType<typeof decodePushResponse> | undefined {
  const read = parse(() => decodePushResponse(body))
  return read.ok ? read.value : undefined
}

/** The receipt of a bundle admitted long ago may be signed by a key that is no longer trusted: the chain tells instead. */
async function provenByChain(deps: SyncDeps): Promise<Step> {
  const resolved = await resolveChain(deps)
  if (!resolved.ok) return resolved
  return resolved.value === 'admitted' ? PROVEN : fail('answer_invalid')
}

/**
 * The edge cannot open the bundle, and the answer that says so is not signed: first the chain's head tells whether an
 * earlier attempt was admitted all the same. If not, the same payments are sealed again, at the same place in the chain
 * and under the same bundle id. See src/device/sdk/README.md for why it must be the same id.
 */
async function rebuild(deps: SyncDeps, bundle: Outgoing, answer: Extract<Answer, { kind: 'problem' }>): Promise<Step> {
  if (bundle.digests.length >= SEALED_FORMS_MAX) return park(deps, answer.code)
  const resolved = await resolveChain(deps)
  if (!resolved.ok) return resolved
  if (resolved.value === 'admitted') return PROVEN
  const sameKey = equalBytes(sealKey(edgeKeys(deps)).kid, bundle.recipientKid)
  if (answer.code === 'unknown_recipient_key' && sameKey) return failureOf(answer)
  return (await sealAgain(deps, bundle)) ? 'again' : park(deps, 'record_damaged')
}

/** An earlier sealed form of this bundle was admitted, and its receipt is lost: the chain's head names its digest. */
async function conflicting(deps: SyncDeps): Promise<Step> {
  const resolved = await resolveChain(deps)
  if (!resolved.ok) return resolved
  return resolved.value === 'admitted' ? PROVEN : park(deps, 'bundle_conflict')
}
