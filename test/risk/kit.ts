import { createHmac } from 'node:crypto'
import { startDevSira } from '../../dev/sira.ts'
import { deviceId } from '../../src/protocol/ids.ts'
import { type AmountMinor, currency } from '../../src/protocol/money.ts'
import type { Payment } from '../../src/protocol/payment.ts'
import type { Policy } from '../../src/protocol/policy.ts'
import type { Verdict } from '../../src/protocol/rules.ts'
import { emptyHistory } from '../../src/risk/history.ts'
import type { LocalInput } from '../../src/risk/rule.ts'
import type { SiraDeps, SiraObservation, SiraSettings } from '../../src/risk/sira-call.ts'
import { SiraClient } from '../../src/risk/sira-client.ts'
import type { BundleFacts } from '../../src/risk/sira-request.ts'

/** A Tuesday, 10:00 in Dakar. */
export const NOW_MS = Date.UTC(2026, 10, 24, 10)
export const MINUTE_MS = 60_000
export const DAY_MS = 86_400_000
export const DEVICE = deviceId('POS-001')
export const OWNER = 'W-SHOP'
export const BUNDLE_ID = '01JD8Z0000000000000000RSK1'
export const ACCEPTED: Verdict = { decision: 'accepted' }

/** The defaults of docs/architecture.md. */
export const POLICY: Policy = {
  country: 'SN',
  version: 1,
  enabled: true,
  currency: currency('XOF'),
  timeZone: 'Africa/Dakar',
  maxOfflineAmount: 100_000,
  maxOfflinePerDevicePerDay: 50,
  maxOfflineValuePerDevicePerDay: 500_000,
  requirePayerProofAbove: 10_000,
  requireAgentApprovalAbove: 50_000,
  requireManualReviewAbove: 75_000,
  allowedMethods: ['wallet', 'qr', 'ussd'],
  maxBundleAgeHours: 72,
  maxClockSkewMinutes: 30,
  maxRelayHours: 24,
  acceptBelowScore: 0.15,
  quarantineAboveScore: 0.35,
  maxDaysSinceSync: 4,
  personDailyValue: 200_000,
  maxOfflineValueBetweenSyncs: 750_000,
  mandatePaymentMax: 2_000,
  mandateDayMax: 5_000,
  allowanceMax: 50_000,
}

export function payment(over: Partial<Omit<Payment, 'amount'>> & { amount?: number } = {}): Payment {
  const { amount = 2_500, ...rest } = over
  return {
    counter: 1,
    type: 'merchant',
    method: 'wallet',
    amount: amount as AmountMinor,
    currency: currency('XOF'),
    sender: 'W-CUSTOMER',
    receiver: OWNER,
    initiatedAtMs: NOW_MS - 10 * MINUTE_MS,
    ...rest,
  }
}

/** Payments one after the other, a minute apart unless said otherwise. */
export function payments(count: number, of: (index: number) => Parameters<typeof payment>[0] = () => ({})): Payment[] {
  return Array.from({ length: count }, (_, index) =>
    payment({
      counter: index + 1,
      sender: `W-CUSTOMER-${index}`,
      initiatedAtMs: NOW_MS - (count - index + 1) * MINUTE_MS,
      ...of(index),
    }),
  )
}

/** What a history is kept by. */
export const KEPT = { policy: POLICY, ownerWallet: OWNER, nowMs: NOW_MS }

/** A bundle of a device of good standing: nothing to say about it. */
export function input(over: Partial<LocalInput> = {}): LocalInput {
  return {
    payments: [payment()],
    policy: POLICY,
    ownerWallet: OWNER,
    signedAtMs: NOW_MS,
    countedMs: undefined,
    history: emptyHistory,
    holes: 0,
    missingBefore: 0,
    recentConflicts: 0,
    deviceAgeMs: 90 * DAY_MS,
    reputation: 0.5,
    ...over,
  }
}

export function bundle(over: Partial<BundleFacts> = {}): BundleFacts {
  return {
    deviceId: DEVICE,
    country: 'SN',
    bundleId: BUNDLE_ID,
    seq: 7,
    signedAtMs: NOW_MS,
    relay: false,
    payments: [payment({ counter: 1 }), payment({ counter: 2 })],
    ...over,
  }
}

export const hmac = async (message: Uint8Array) =>
  new Uint8Array(createHmac('sha256', 'test-key').update(message).digest())

/** A client of a real stand-in, with clock and timers in the test's hand. */
export async function siraKit(settings: Partial<SiraSettings> = {}, over: Partial<SiraDeps> = {}) {
  const server = await startDevSira()
  const observed: SiraObservation[] = []
  const kit = {
    server,
    observed,
    nowMs: NOW_MS,
    /** Deadlines that were set and not called off, with what runs at them. */
    deadlines: new Map<() => void, number>(),
    client: undefined as unknown as SiraClient,
    [Symbol.asyncDispose]: () => server.close(),
  }
  const deps: SiraDeps = {
    fetch: (url, init) => fetch(url, init),
    nowMs: () => kit.nowMs,
    after: (ms, run) => {
      kit.deadlines.set(run, ms)
      return () => kit.deadlines.delete(run)
    },
    random: () => 0,
    observe: (observation) => observed.push(observation),
    ...over,
  }
  kit.client = new SiraClient({ baseUrl: server.url, apiKey: server.apiKey, ...settings }, hmac, deps)
  return kit
}

/** mulberry32: the same numbers for the same seed. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
}
