import { paysUntil } from '../../src/protocol/consent.ts'
import { missingCounters } from '../../src/protocol/counters.ts'
import { MISSING_PER_NOTICE_MAX } from '../../src/protocol/limits.ts'
import { maskedWallet } from '../../src/protocol/owner-wallet.ts'
import { reputationAt } from '../../src/risk/reputation.ts'
import type { Device, OlderKey } from './device.ts'
import { type ShownConsents, shownConsents } from './shown-consents.ts'
import { readDevice } from './sql/device-store.ts'
import { missingSeqs } from './sql/hole-store.ts'
import { withLeftOut } from './sql/left-out-store.ts'
import { type OwedSummary, owedSummary } from './sql/owed-store.ts'

/** A device as operators see it. */
export interface DeviceDescription
  extends Pick<
    Device,
    'status' | 'country' | 'tenant' | 'head' | 'registeredAtMs' | 'ownerWalletFault' | 'alg' | 'kid'
  > {
  /** Its last characters. */
  readonly ownerWalletMasked: string
  /** Who registered it, or let it register itself. */
  readonly registeredBy: string
  readonly consents: ShownConsents
  /** Until when the key that it has pays out of its owner's wallet; null: it only receives. */
  readonly paysUntilMs: number | null
  /** Counters that were not seen. */
  readonly missing: readonly number[]
  /** Seqs below the head that were not seen, the first of them. */
  readonly missingSeqs: readonly number[]
  readonly owed: OwedSummary
  readonly olderKeys: readonly Pick<OlderKey, 'kid' | 'alg' | 'state' | 'lastSeq'>[]
  readonly activity: readonly {
    readonly date: string
    readonly currency: string
    readonly count: number
    /** Minor units. */
    readonly value: number
  }[]
  /** When the last bundle was admitted, and the score it got. */
  readonly lastPush: { readonly atMs: number; readonly riskScore: number } | null
  readonly contradictions: number
  /** 0 is the worst, 1 the best; 0.5 for a device nobody knows. */
  readonly reputation: number
}

/** Nothing personal, and what does not add up. */
export function describeDevice(sql: SqlStorage, hasSira: boolean, nowMs: number): DeviceDescription {
  const device = readDevice(sql)
  const { status, country, tenant, head, registeredAtMs, ownerWalletFault, alg, kid } = device
  // The highest seq need not be what came last.
  const last = sql
    .exec<{ at: number; score: number }>(
      'SELECT received_at AS at, risk_score AS score FROM bundles ORDER BY received_at DESC LIMIT 1',
    )
    .toArray()[0]
  const contradictions = sql.exec<{ n: number }>('SELECT COUNT(*) AS n FROM evidence').one().n
  // The first record of each object is its registration or its enrolment.
  const registeredBy = sql.exec<{ actor: string }>('SELECT actor FROM audit ORDER BY id LIMIT 1').one().actor
  return {
    ...{ ownerWalletMasked: maskedWallet(device.ownerWallet), registeredBy },
    ...{ status, country, tenant, head, registeredAtMs, ownerWalletFault, alg, kid, contradictions },
    missing: missingCounters(withLeftOut(sql, device.counters), MISSING_PER_NOTICE_MAX),
    missingSeqs: missingSeqs(sql, MISSING_PER_NOTICE_MAX),
    consents: shownConsents(device),
    paysUntilMs: paysUntil(device.consents, device.kid, nowMs) ?? null,
    owed: owedSummary(sql, hasSira),
    olderKeys: device.olderKeys.map(({ kid, alg, state, lastSeq }) => ({ kid, alg, state, lastSeq })),
    activity: [...device.activity].map(([key, { count, value }]) => {
      const [date = '', currency = ''] = key.split('|')
      return { date, currency, count, value }
    }),
    reputation: Math.round(reputationAt(device.reputation, nowMs) * 10_000) / 10_000,
    lastPush: last === undefined ? null : { atMs: last.at, riskScore: last.score },
  }
}
