import type { CryptoSuite, Signer } from '../../../crypto/suite.ts'
import { keyId } from '../../../crypto/thumbprint.ts'
import { equalBytes } from '../../../protocol/bytes.ts'
import type { KeySet } from '../../../protocol/keyset.ts'
import { PROBLEMS } from '../../../protocol/problems.ts'
import { type Err, err, ok, type Result } from '../../../protocol/result.ts'
import { isBlocking, OfflineError, type OfflineErrorCode } from '../errors.ts'
import type { KeyStore } from '../ports/key-store.ts'
import type { Entry } from '../store/entry.ts'
import type { LocalDevice } from '../store/local-device.ts'
import type { Answer, Transport } from './transport.ts'
import type { Trust } from './trust.ts'

/** What the steps of a sync work with. */
export interface SyncDeps {
  readonly device: LocalDevice
  readonly transport: Transport
  readonly trust: Trust
  readonly keyStore: KeyStore
  readonly suite: CryptoSuite
  readonly randomBytes: (length: number) => Uint8Array
  /** Counters acknowledged in this run: an edge that still calls them missing is not sent them without end. */
  readonly acknowledged: Set<number>
  /** Keys of the edge that came with the app; otherwise the first ones are fetched over TLS. */
  readonly pinnedKeys: KeySet | undefined
  /** Asks the edge for a payer's pass. */
  readonly isPayer: boolean
  /** Called after a payment's change is on disk. */
  readonly changed: (entry: Entry) => void
  /** Called as the queue empties. */
  readonly progress: (progress: SyncProgress) => void
}

/** Payments acknowledged in this run, of those that wait and waited. */
export interface SyncProgress {
  readonly sent: number
  readonly total: number
}

/** Why a sync ends before all is done. With `stop`, trying again soon would change nothing. */
export interface Failure {
  readonly error: OfflineError
  readonly stop: boolean
  readonly retryAfterMs?: number
}

export function fail(
  code: OfflineErrorCode,
  extra: { stop?: boolean; retryAfterMs?: number; cause?: unknown } = {},
): Err<Failure> {
  const { stop = false, retryAfterMs, cause } = extra
  return err({ error: new OfflineError(code, { cause }), stop, ...(retryAfterMs !== undefined && { retryAfterMs }) })
}

/** The failure that an answer other than 200 stands for. */
export function failureOf(answer: Exclude<Answer, { kind: 'ok' }>): Err<Failure> {
  const stop = answer.kind === 'problem' && PROBLEMS[answer.code].next === 'stop'
  const { code, retryAfterMs } = answer
  return fail(code, { stop, ...(retryAfterMs !== undefined && { retryAfterMs }) })
}

/**
 * Remembers that the edge takes nothing from this device, so that no payment is taken that it would not admit.
 *
 * @param blocks which refusals say so
 */
export async function rememberBlock({ device }: SyncDeps, answer: Answer, blocks = isBlocking): Promise<void> {
  if (answer.kind !== 'problem' || !blocks(answer.code) || !device.hasState) return
  const blocked = { code: answer.code, atMs: device.clock.nowMs() }
  await device.change(() => device.update({ blocked }))
}

export interface DeviceSigner {
  readonly signer: Signer
  readonly kid: Uint8Array
}

/** The device's key, which must be the one that it was enrolled with. */
export async function loadSigner(
  deps: Pick<SyncDeps, 'keyStore' | 'suite' | 'device'>,
): Promise<Result<DeviceSigner, Failure>> {
  const found = await signing(async () => deps.keyStore.load())
  if (!found.ok) return found
  const loaded = found.value
  if (loaded.status === 'missing') return fail('key_missing', { stop: true })
  if (loaded.status === 'locked') return fail('key_locked')
  const kid = await keyId(deps.suite, loaded.signer.key)
  const enrolled = deps.device.hasState ? deps.device.state.kid : kid
  return equalBytes(kid, enrolled) ? ok({ signer: loaded.signer, kid }) : fail('key_mismatch', { stop: true })
}

/**
 * Runs what a key store does. What it throws is its way of saying that the key cannot be used now: the person did not
 * confirm, the enclave is busy.
 */
export async function signing<T>(run: () => Promise<T>): Promise<Result<T, Failure>> {
  try {
    return ok(await run())
  } catch (cause) {
    return fail('key_locked', { cause })
  }
}
