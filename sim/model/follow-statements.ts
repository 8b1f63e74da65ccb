import type { LateProof, LostProof, Whose } from '../../reconciler/settle/late-proof.ts'
import { toHex } from '../../src/protocol/bytes.ts'
import { type ClaimAnswer, parseClaimAnswer } from '../../src/protocol/claims.ts'
import type { DeviceId } from '../../src/protocol/ids.ts'
import type { DeviceMessage } from '../../src/protocol/messages.ts'
import { amountMinor } from '../../src/protocol/money.ts'
import type { PaymentStatus } from '../../src/protocol/states.ts'
import { BookBroken } from './broken.ts'
import type { InsertedBundle, SignedBundle } from './follow-judgement.ts'
import type { Line } from './record.ts'
import type { ResolutionRow } from './state.ts'

/** What the reconciler's statements say: their values by place, as production's files give them. */

/**
 * A statement of a transaction that the real book committed: what the reconciler asked, and what it was answered.
 * `values` are as the reconciler gives them to `query`, `rows` as it gets them. A statement outside of a transaction is one.
 */
export interface Committed {
  readonly text: string
  readonly values: readonly unknown[]
  readonly rows: readonly object[]
}

/** @param start part of the statement's text that no other has */
export const is =
  (start: string) =>
  ({ text }: Committed): boolean =>
    text.includes(start)

export interface RecordedRow {
  readonly no: number
  readonly status: string
  readonly reason: string | null
  readonly hold: string | null
}

export interface EffectRow {
  readonly device_id: string
  readonly rev: number
  readonly counter: number
  readonly result: string
  readonly status: string | null
  readonly reason: string | null
}

/** The columns of `recordPayments` in post.ts, in their order. */
export function linesOf({ values }: Committed): readonly Line[] {
  const columns = values as readonly (readonly unknown[])[]
  return (columns[0] ?? []).map((deviceId, i): Line => {
    const at = (column: number) => columns[column]?.[i]
    const [payerDeviceId, payerRequest, agentDeviceId, requestId] = [at(19), at(20), at(25), at(26)]
    const [allowanceNo, n, spent, heldOnly] = [at(31), at(32), at(33), at(34)]
    const [refunded, counter] = [at(27) as DeviceId | null, at(28) as number | null]
    return {
      deviceId: deviceId as string,
      bundleId: at(2) as string,
      hash: toHex(at(3) as Uint8Array),
      payment: {
        ...{ counter: at(1), type: at(4), amount: at(6), currency: at(7), sender: at(8), receiver: at(9) },
        initiatedAtMs: (at(11) as Date).getTime(),
      } as Line['payment'],
      refunds: refunded === null || counter === null ? undefined : { deviceId: refunded, counter },
      day: at(12) as string,
      country: at(13) as string,
      receivedAtMs: (at(14) as Date).getTime(),
      status: at(15) as PaymentStatus,
      reason: (at(16) as string | null) ?? undefined,
      payerProven: at(18) as boolean,
      agentProven: at(24) as boolean,
      claimUntilMs: (at(21) as Date | null)?.getTime(),
      proof: payerDeviceId
        ? {
            ...{ payerDeviceId: payerDeviceId as string, requestId: payerRequest as Uint8Array },
            ...(allowanceNo !== null && {
              spending: {
                ...{ allowanceNo: allowanceNo as number, n: n as number, spent: amountMinor(spent as number) },
                ...(heldOnly === true && { heldOnly }),
              },
            }),
          }
        : undefined,
      approved: agentDeviceId
        ? { agentDeviceId: agentDeviceId as string, requestId: requestId as Uint8Array }
        : undefined,
    }
  })
}

/** The columns of `recordBundles` in record-bundles.ts. */
export function signedOf({ values }: Committed): readonly SignedBundle[] {
  const columns = values as readonly (readonly unknown[])[]
  return (columns[0] ?? []).map((deviceId, i) => {
    const at = (column: number) => columns[column]?.[i]
    return {
      ...{ deviceId: deviceId as string, bundleId: at(1) as string },
      bundle: new Uint8Array(at(3) as Uint8Array),
      receipt: new Uint8Array(at(4) as Uint8Array),
    }
  })
}

/** The columns of `insertBundles` in post.ts, with the bytes that were recorded before. */
export function bundlesOf(
  { values }: Committed,
  signed: (deviceId: string, bundleId: string) => SignedBundle | undefined,
): readonly InsertedBundle[] {
  const columns = values as readonly (readonly unknown[])[]
  return (columns[0] ?? []).map((deviceId, i) => {
    const at = (column: number) => columns[column]?.[i]
    const bytes = signed(deviceId as string, at(1) as string)
    if (bytes === undefined) throw new BookBroken(`${deviceId}/${at(1)} was recorded before it was settled`)
    return {
      ...{ deviceId: deviceId as string, bundleId: at(1) as string, seq: at(2) as number },
      digest: toHex(at(3) as Uint8Array),
      status: at(6) as string,
      ...{ bundle: bytes.bundle, receipt: bytes.receipt },
      risk: JSON.parse((at(11) as string | null) ?? 'null'),
      settledAtMs: (values[12] as Date).getTime(),
    }
  })
}

export function voidsOf(transaction: readonly Committed[], { deviceId, bundleId }: InsertedBundle): readonly number[] {
  return transaction.filter(is('INSERT INTO offline_tx_voids')).flatMap(({ values }) => {
    const [devices, counters, bundles] = values as [string[], number[], string[]]
    return counters.filter((_, i) => devices[i] === deviceId && bundles[i] === bundleId)
  })
}

/** The values of `upsertDevice` and of `keepKey` in registry.ts, and of `keepConsents` in consents.ts. */
export function deviceOf({ values }: Committed, keys: readonly Committed[], kept: readonly Committed[]): DeviceMessage {
  const [deviceId, rev, tenant, country, ownerWallet, status, kid, alg, at] = values
  const stated = keys.map(({ values: [, kid, alg, publicKey, , fate] }) => ({
    ...{ kid: new Uint8Array(kid as Uint8Array), alg, publicKey: new Uint8Array(publicKey as Uint8Array), fate },
  }))
  const own = stated.find(({ fate }) => fate === 'active')
  const olderKeys = stated.filter(({ fate }) => fate !== 'active')
  const consents = kept.map(({ values }) => ({
    signed: new Uint8Array(values[10] as Uint8Array),
    ...(values[9] !== null && { withdrawnAtMs: (values[9] as Date).getTime() }),
  }))
  const facts = { deviceId, rev, tenant, country, ownerWallet, status, alg, atMs: (at as Date).getTime() }
  return {
    ...facts,
    kind: 'device',
    kid: new Uint8Array(kid as Uint8Array),
    publicKey: own?.publicKey,
    olderKeys,
    consents,
  } as DeviceMessage
}

/** The values of `recordResolution` in resolutions.ts. */
export function resolutionsOf({ values }: Committed): readonly ResolutionRow[] {
  const [deviceId, rev, bundleId, , actors, hash, decidedAt, recordedAt, counters, choices] = values
  return (counters as readonly number[]).map((counter, i) => ({
    ...{ deviceId: deviceId as string, rev: rev as number, bundleId: bundleId as string, counter },
    choice: (choices as readonly ResolutionRow['choice'][])[i] ?? 'reject',
    hash: toHex(hash as Uint8Array),
    decidedAtMs: (decidedAt as Date).getTime(),
    recordedAtMs: (recordedAt as Date).getTime(),
    actors: actors as readonly string[],
    ...{ result: null, attempts: 0, retryAtMs: null, lastError: null, aloneOn: null },
  }))
}

/** The values of `writeLostProofs` in late-proof.ts. */
export function lostProofsOf({ values }: Committed): readonly LostProof[] {
  const [whose, devices, counters] = values as [Whose, string[], number[]]
  const lost = { isPayers: whose === 'payer', isAgents: whose === 'agent' }
  return counters.map((counter, i) => ({ deviceId: devices[i] ?? '', counter, ...lost }))
}

/** The values of `insertAnswer` in claim-answers.ts. */
export function answerOf({ values }: Committed) {
  const [deviceId, rev, takerId, counter, hash, amount, choice, signed, at, result] = values
  const encoded = new Uint8Array(signed as Uint8Array)
  return {
    message: { deviceId: deviceId as string, rev: rev as number, answer: encoded },
    answer: { takerId, counter, contentHash: new Uint8Array(hash as Uint8Array), amount, choice } as Omit<
      ClaimAnswer,
      'answeredAtMs'
    >,
    kid: toHex(parseClaimAnswer(encoded).claims.kid),
    atMs: (at as Date).getTime(),
    result: result as string | null,
  }
}

/** The values of `insertMandate` in mandates.ts. */
export function mandateOf({ values }: Committed) {
  const [deviceId, rev, , , , , , , , givenAt, mandate, at, isHis] = values
  return {
    message: {
      ...{ deviceId: deviceId as DeviceId, rev: rev as number, atMs: (givenAt as Date).getTime() },
      mandate: new Uint8Array(mandate as Uint8Array),
    },
    atMs: (at as Date).getTime(),
    isHis: isHis as boolean,
  }
}

/** The values of `insertOrder` in allowance-orders.ts. */
export function orderOf({ values }: Committed) {
  const [deviceId, rev] = values
  const [signed, at, isHis] = values.slice(11)
  return {
    message: { deviceId: deviceId as DeviceId, rev: rev as number, order: new Uint8Array(signed as Uint8Array) },
    atMs: (at as Date).getTime(),
    isHis: isHis as boolean,
  }
}

export interface AppliedRow {
  readonly rev: number
  readonly result: string
}

export interface ExpiredRow {
  readonly payer_device_id: string
  readonly no: number
  readonly returned_minor: number
}

export interface EndedRow {
  readonly device_id: string
  readonly counter: number
  readonly status: string
  readonly reason: string | null
  readonly payer_device_id: string | null
  readonly answer_rev: number | null
}

/** The values of `writeLateProofs` in late-proof.ts. */
export function lateProofsOf({ values }: Committed): readonly LateProof[] {
  const [whose, devices, counters, signers, once] = values as [Whose, string[], number[], string[], Uint8Array[]]
  return counters.map((counter, i) => {
    const [signerId = '', bytes] = [signers[i], new Uint8Array(once[i] ?? [])]
    const proof =
      whose === 'payer'
        ? { payer: { payerDeviceId: signerId, requestId: bytes } }
        : { agent: { agentDeviceId: signerId, requestId: bytes } }
    return { deviceId: devices[i] ?? '', counter, ...proof }
  })
}
