import type { DayActivity } from '../protocol/activity.ts'
import type { Payment } from '../protocol/payment.ts'
import type { Policy } from '../protocol/policy.ts'

/**
 * The local risk scorer: named, deterministic rules over a bundle and what its device did before. It decides alone when
 * the remote scorer cannot be asked. Scores are 0–1 and add up, 1 at the most.
 */
export interface RiskScore {
  readonly score: number
  /** Names of the rules that spoke. */
  readonly reasons: readonly string[]
  readonly scoredBy: 'local'
}

export interface RiskInput {
  readonly payments: readonly Payment[]
  readonly policy: Policy
  /** What the device's day held before this bundle. */
  readonly today: DayActivity
  /** Seqs of the chain that are missing before this bundle. */
  readonly holes: number
  readonly deviceAgeMs: number
}

interface Rule {
  readonly name: string
  readonly weight: number
  readonly speaks: (input: RiskInput) => boolean
}

const DAY_MS = 86_400_000

/** How close below a limit an amount must be to look made to fit under it. */
const STRUCTURING_BAND = 0.05

const RULES: readonly Rule[] = [
  // Payments minted by a script come faster than people can hand over money.
  { name: 'velocity', weight: 0.2, speaks: ({ payments }) => fastest(payments) > 10 },
  // Several amounts just under a limit that asks for more proof.
  { name: 'structuring', weight: 0.2, speaks: ({ payments, policy }) => nearLimits(payments, policy) >= 3 },
  // Bundles withheld: the chain has holes.
  { name: 'chain_hole', weight: 0.1, speaks: ({ holes }) => holes > 0 },
  // A device of less than a day that already moves half of what a day allows.
  {
    name: 'new_device_high_value',
    weight: 0.2,
    speaks: ({ deviceAgeMs, payments, today, policy }) =>
      deviceAgeMs < DAY_MS && today.value + total(payments) > policy.maxOfflineValuePerDevicePerDay * 0.8,
  },
  // Money sent from one wallet to many in one go.
  { name: 'receiver_spread', weight: 0.15, speaks: ({ payments }) => widestSpread(payments) >= 15 },
]

export function scoreLocally(input: RiskInput): RiskScore {
  const spoken = RULES.filter((rule) => rule.speaks(input))
  const sum = spoken.reduce((total, rule) => total + rule.weight, 0)
  // Rounded so that the same rules give the same number in whatever order they are added.
  const score = Math.min(1, Math.round(sum * 100) / 100)
  return { score, reasons: spoken.map((rule) => rule.name), scoredBy: 'local' }
}

const total = (payments: readonly Payment[]) => payments.reduce((sum, { amount }) => sum + amount, 0)

/** The most payments that share one minute of device time. */
function fastest(payments: readonly Payment[]): number {
  return mostOf(payments.map(({ initiatedAtMs }) => Math.floor(initiatedAtMs / 60_000)))
}

function nearLimits(payments: readonly Payment[], policy: Policy): number {
  const limits = [policy.requirePayerProofAbove, policy.requireAgentApprovalAbove, policy.maxOfflineAmount]
  return payments.filter(({ amount }) =>
    limits.some((limit) => amount <= limit && amount > limit * (1 - STRUCTURING_BAND)),
  ).length
}

function widestSpread(payments: readonly Payment[]): number {
  const receivers = new Map<string, Set<string>>()
  for (const { type, sender, receiver } of payments) {
    if (type !== 'p2p') continue
    receivers.set(sender, (receivers.get(sender) ?? new Set()).add(receiver))
  }
  return Math.max(0, ...[...receivers.values()].map((set) => set.size))
}

function mostOf(values: readonly number[]): number {
  const counts = new Map<number, number>()
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1)
  return Math.max(0, ...counts.values())
}
