import { equalBytes, fromBase64url } from '../../../protocol/bytes.ts'
import type { Debit, DebitStatus } from '../../../protocol/debits.ts'
import { type DeviceId, localId } from '../../../protocol/ids.ts'
import { DEBITS_PER_NOTICE_MAX } from '../../../protocol/limits.ts'
import type { PaymentType } from '../../../protocol/payment.ts'
import { decodePaymentRequest } from '../../../protocol/payment-request.ts'
import type { SyncDeps } from '../sync/sync-deps.ts'
import { type KeptAuthorization, keptAuthorizations } from './kept.ts'

/** One payment out of this device's wallet that another device recorded, and what became of it. */
export interface StatementLine {
  /** `POS-001/42`; undefined while no notice has named the payment. */
  readonly localId?: string
  /** The till that took it, or that asked for it. */
  readonly takerId: string
  readonly type: PaymentType
  /** Minor units. */
  readonly amount: number
  readonly currency: string
  /** The wallet that gets the money. */
  readonly receiver: string
  /** UTC milliseconds: when this phone signed it, otherwise by the till's clock. */
  readonly atMs: number
  /** `covered`, `signed`: by a phone's signature. `mandated`: by the holder's standing word. `claimed`: the holder has said yes. */
  readonly guarantee: 'covered' | 'signed' | 'mandated' | 'claimed'
  /**
   * As the book had it at the last sync. `not_heard`: this phone signed it, and no till has brought it, or it came to nothing before
   * the book. `not_told`: it is older than the newest 50, which are all that a notice names.
   */
  readonly status: DebitStatus | 'not_heard' | 'not_told'
  /** Since when, by the book's clock. */
  readonly statusAtMs?: number
  readonly reason?: string
  /** There when this phone gave the signature: whether that was shown, or only its place was taken. */
  readonly signed?: boolean
}

/**
 * All that others' devices took, or may take, out of this device's wallet, each payment once, the newest first. What this device took
 * itself is among its own payments.
 */
export async function statement({ device }: Pick<SyncDeps, 'device'>): Promise<readonly StatementLine[]> {
  const kept = await device.change(() => keptAuthorizations(device.records).all())
  const { debits = [], mandated = [] } = device.hasState ? device.state : {}
  const heard = new Set<Debit>()
  const own = kept.map((one) => {
    const debit = debits.find((debit) => !heard.has(debit) && isOf(debit, one))
    if (debit !== undefined) heard.add(debit)
    return ownLine(one, debit, oldestToldMs(debits))
  })
  const others = debits.filter((debit) => !heard.has(debit) && debit.takerId !== device.deviceId)
  const lines: readonly StatementLine[] = [
    ...own,
    ...others.map((debit) => ({
      ...about(debit),
      guarantee: debit.requestId ? ('signed' as const) : ('claimed' as const),
    })),
    ...mandated.map(({ postedAtMs, ...debit }) => {
      return { ...about({ ...debit, status: 'succeeded', statusAtMs: postedAtMs }), guarantee: 'mandated' as const }
    }),
  ]
  return [...lines].sort((a, b) => b.atMs - a.atMs)
}

/** The till chooses the id of its request, so all that was signed has to be the same. */
function isOf(debit: Debit, { request }: KeptAuthorization): boolean {
  const asked = decodePaymentRequest(fromBase64url(request))
  const { requestId, takerId, type, amount, currency, receiver } = debit
  return (
    requestId !== undefined &&
    equalBytes(requestId, asked.requestId) &&
    takerId === asked.takerId &&
    type === asked.type &&
    amount === asked.amount &&
    currency === asked.currency &&
    receiver === asked.receiver
  )
}

function ownLine(
  { request, signedAtMs, covered, authorization }: KeptAuthorization,
  debit: Debit | undefined,
  oldestMs: number | undefined,
): StatementLine {
  const { requestId: _, ...asked } = decodePaymentRequest(fromBase64url(request))
  const untold = oldestMs !== undefined && signedAtMs < oldestMs ? 'not_told' : 'not_heard'
  return {
    ...(debit ? about(debit) : { ...asked, status: untold }),
    atMs: signedAtMs,
    guarantee: covered === undefined ? 'signed' : 'covered',
    signed: authorization !== undefined,
  }
}

/** @returns undefined when a notice has named all that there are */
const oldestToldMs = (debits: readonly Debit[]): number | undefined =>
  debits.length < DEBITS_PER_NOTICE_MAX ? undefined : Math.min(...debits.map(({ initiatedAtMs }) => initiatedAtMs))

type Told = Omit<Debit, 'takerId' | 'requestId'> & { readonly takerId: DeviceId }

function about({
  takerId,
  counter,
  type,
  amount,
  currency,
  receiver,
  initiatedAtMs,
  status,
  statusAtMs,
  reason,
}: Told) {
  return {
    ...{ localId: localId(takerId, counter), takerId, type, amount, currency, receiver, atMs: initiatedAtMs },
    ...{ status, statusAtMs },
    ...(reason !== undefined && { reason }),
  }
}
