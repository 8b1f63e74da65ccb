import { currency } from './money.ts'
import type { Country, Policy } from './policy.ts'
import type { PolicyVersion } from './policy-version.ts'

/**
 * Version 1 of each country's policy, with the product's defaults. Part of the code and of no store: nobody signed it, so
 * nobody is believed who says that it is another.
 */
const ZONES: Readonly<Record<Country, string>> = {
  SN: 'Africa/Dakar',
  CI: 'Africa/Abidjan',
  ML: 'Africa/Bamako',
  BF: 'Africa/Ouagadougou',
  TG: 'Africa/Lome',
  BJ: 'Africa/Porto-Novo',
}

export const FIRST_VERSION = 1

export const firstPolicy = (country: Country): Policy => ({
  country,
  version: FIRST_VERSION,
  enabled: true,
  currency: currency('XOF'),
  timeZone: ZONES[country],
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
  // A loaf of bread, and what a day of such things comes to.
  mandatePaymentMax: 2_000,
  mandateDayMax: 5_000,
  // What is spent in some days away from a network, and no month's wage.
  allowanceMax: 50_000,
})

/** In force from the beginning of time, so that a country always has a policy. */
export const firstVersion = (country: Country): PolicyVersion => ({
  policy: firstPolicy(country),
  reviewTwoPeopleAbove: 50_000,
  effectiveAtMs: 0,
  proposedBy: 'molam',
  confirmedBy: 'molam',
  confirmedAtMs: 0,
})
