import { currency } from '../../src/protocol/money.ts'
import type { Country, Policy } from '../../src/protocol/policy.ts'

const ZONES: Readonly<Record<Country, string>> = {
  SN: 'Africa/Dakar',
  CI: 'Africa/Abidjan',
  ML: 'Africa/Bamako',
  BF: 'Africa/Ouagadougou',
  TG: 'Africa/Lome',
  BJ: 'Africa/Porto-Novo',
}

/** Version 1 of each country: code at the edge, and rows of the book's first migration. */
export const FIRST_POLICIES: readonly Policy[] = Object.entries(ZONES).map(([country, timeZone]) => ({
  country: country as Country,
  version: 1,
  enabled: true,
  currency: currency('XOF'),
  timeZone,
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
}))
