import { currency } from '../../../src/protocol/money.ts'
import type { Policy } from '../../../src/protocol/policy.ts'

/** The default of docs/architecture.md. */
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
}
