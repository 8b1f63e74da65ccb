import { deviceId } from '../../src/protocol/ids.ts'
import { isInvalid, isVoided, type Payment, type PaymentEntry } from '../../src/protocol/payment.ts'
import { type Admitted, type AdmittedDevice, saidOf } from './admitted.ts'
import type { AgentsWord } from './agents-word.ts'
import { Backlog } from './backlog.ts'
import { paysByConsent } from './consent.ts'
import type { PayersWord, Word } from './payers-word.ts'
import type { PolicyRow } from './policies.ts'
import { Tally } from './tally.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

/**
 * The rules of a country, a second time and by arithmetic of its own: src/protocol/rules.ts is shared by device, edge and book,
 * so none of them would see its faults. Asked of each receipt: whether what it decides is what the policy that it names says
 * of the payments as they were signed.
 */
export async function receiptsFollowThePolicy(
  devices: readonly AdmittedDevice[],
  policies: ReadonlyMap<string, PolicyRow>,
  words: Words,
): Promise<string[]> {
  const wrong: string[] = []
  for (const device of devices) {
    if (!device.isOrderUnknown) wrong.push(...(await new Following(device, policies, words).wrong()))
  }
  return wrong
}

/** Those who are asked whether they gave it. */
export interface Words {
  readonly payers: PayersWord
  readonly agents: AgentsWord
}

/** Follows the bundles of one device in the order in which they came. */
class Following {
  readonly tally = new Tally()
  readonly #backlog = new Backlog()
  readonly #device: AdmittedDevice
  readonly #policies: ReadonlyMap<string, PolicyRow>
  readonly #words: Words
  readonly #seen = new Set<number>()
  /** What payments that were not refused have used up. */
  readonly #requests = new Set<string>()
  /** By seq, the latest time that is known once that bundle was read. */
  readonly #floors = new Map<number, number>()

  constructor(device: AdmittedDevice, policies: ReadonlyMap<string, PolicyRow>, words: Words) {
    this.#device = device
    this.#policies = policies
    this.#words = words
  }

  async wrong(): Promise<string[]> {
    const wrong: string[] = []
    for (const admitted of this.#device.bundles) {
      const { country, policyVersion, receivedAtMs, seq } = admitted.receipt
      const policy = this.#policies.get(`${country}/${policyVersion}`)
      if (policy === undefined)
        return [`a receipt of ${this.#device.id} names ${country}/${policyVersion}, which is not`]
      let floorMs = this.#floorBefore(seq)
      for (const entry of admitted.entries) {
        const isCopy = this.#seen.has(entry.counter)
        this.#seen.add(entry.counter)
        if (isVoided(entry)) continue
        const { decision, reason } = saidOf(admitted.receipt, entry.counter)
        const said = reason ? `${decision} (${reason})` : decision
        const allowed = isCopy ? ['refused (duplicate)'] : await this.#allowed(entry, policy, admitted, floorMs)
        if (!allowed.includes(said)) {
          const named = `${this.#device.id}/${entry.counter}`
          wrong.push(`${named} is ${said} by its receipt, and ${allowed.join(' or ')} by version ${policyVersion}`)
        }
        if (isCopy || isInvalid(entry)) continue
        floorMs = lifted(floorMs, entry, policy, receivedAtMs)
        if (decision === 'refused') continue
        const request = this.#words.agents.requestOf(entry)
        if (entry.amount > policy.require_agent_approval_above && request !== undefined) this.#requests.add(request)
        this.tally.add(policy, entry, receivedAtMs)
        this.#backlog.add(policy, entry, receivedAtMs)
      }
      this.#floors.set(seq, floorMs)
      this.tally.forget(policy, receivedAtMs)
      this.#backlog.forget(policy, receivedAtMs)
    }
    return wrong
  }

  #floorBefore(seq: number): number {
    const before = [...this.#floors.keys()].filter((other) => other < seq)
    return this.#floors.get(Math.max(...before)) ?? this.#device.registeredAtMs
  }

  async #allowed(
    entry: Exclude<PaymentEntry, { voided: true }>,
    policy: PolicyRow,
    admitted: Admitted,
    floorMs: number,
  ): Promise<readonly string[]> {
    if (isInvalid(entry)) return ['refused (invalid_payment)']
    const { ownerWallet } = this.#device
    const { riskScore, sharedScore } = admitted
    const nowMs = admitted.receipt.receivedAtMs
    const today = this.tally.on(Tally.dayOf(policy, entry, nowMs))
    const refusal = refusedBy(entry, policy, { nowMs, today, device: this.#device })
    if (refusal !== undefined) return [`refused (${refusal})`]
    const isSmallSale =
      entry.receiver === ownerWallet && entry.type !== 'cashout' && entry.amount <= policy.require_payer_proof_above
    const isOwnWord = entry.sender === ownerWallet && paysByConsent(this.#device, entry, admitted)
    const isClaim = entry.sender !== ownerWallet && isSmallSale && entry.authorization === undefined
    const word = isOwnWord || isClaim ? 'given' : await this.#payersWord(entry, policy)
    if (word === 'none') return ['refused (payer_not_proven)']
    const unseen = this.#backlog.most(policy, entry, nowMs)
    const held = heldBy(entry, policy, { nowMs, floorMs, unseen, riskScore, sharedScore })
    const asked = isClaim ? held.map((said) => (said === 'accepted' ? 'claimed' : said)) : held
    const taken = await this.#approved(entry, policy, asked)
    const mayFail = word === 'false' || this.#words.payers.mayBeStopped(entry, nowMs)
    return mayFail ? ['refused (payer_not_proven)', ...taken] : taken
  }

  #payersWord(entry: Payment, { max_clock_skew_minutes: skew }: PolicyRow): Promise<Word> {
    return this.#words.payers.of(entry, deviceId(this.#device.id), skew)
  }

  /** @param taken what is right about it with an agent's approval, where it needs one */
  async #approved(entry: Payment, policy: PolicyRow, taken: readonly string[]): Promise<readonly string[]> {
    if (entry.amount <= policy.require_agent_approval_above) return taken
    if (entry.approval === undefined) return ['refused (approval_required)']
    const { agents } = this.#words
    const word: Word = await agents.of(entry, this.#device.id, policy.max_clock_skew_minutes)
    const request = agents.requestOf(entry)
    const refused = 'refused (approval_invalid)'
    if (word === 'none' || request === undefined || this.#requests.has(request)) return [refused]
    // The edge does not know whose wallet is an agent's, and may not reach the device that it would ask.
    return word === 'false' ? [refused, ...taken] : taken
  }
}

/** What a payment is judged against. */
interface Against {
  readonly nowMs: number
  readonly today: { readonly count: number; readonly value: number }
  readonly device: Pick<AdmittedDevice, 'id' | 'ownerWallet'>
}

/** @returns why nobody may take it */
function refusedBy(
  { counter, type, amount, sender, receiver, currency, method, initiatedAtMs, refundOf }: Payment,
  policy: PolicyRow,
  { nowMs, today, device }: Against,
): string | undefined {
  if (policy.enabled !== 1) return 'country_disabled'
  if (sender === receiver) return 'same_wallet'
  if (type === 'refund') {
    const isOwn = refundOf?.deviceId === undefined
    const isNamed = isOwn ? (refundOf?.counter ?? counter) < counter : refundOf.deviceId !== device.id
    if (sender !== device.ownerWallet || !isNamed) return 'refund_not_possible'
  }
  if (currency !== policy.currency) return 'currency_mismatch'
  if (!(JSON.parse(policy.allowed_methods) as string[]).includes(method)) return 'method_not_allowed'
  if ((nowMs - initiatedAtMs) / HOUR_MS > policy.max_bundle_age_hours) return 'too_old'
  const isWithin =
    amount <= policy.max_offline_amount &&
    today.count < policy.max_offline_per_device_per_day &&
    today.value + amount <= policy.max_offline_value_per_device_per_day
  return isWithin ? undefined : 'limit_exceeded'
}

/** @returns the decisions that are right about a payment which nothing forbids: risk is another's to know */
function heldBy(
  { amount, initiatedAtMs }: Payment,
  policy: PolicyRow,
  at: {
    readonly nowMs: number
    readonly floorMs: number
    readonly unseen: number
    readonly riskScore: number
    readonly sharedScore: number
  },
): readonly string[] {
  const skewMinutes = policy.max_clock_skew_minutes
  const minutesAhead = (initiatedAtMs - at.nowMs) / MINUTE_MS
  const minutesBefore = (at.floorMs - initiatedAtMs) / MINUTE_MS
  const mayBeRisky = at.riskScore > policy.quarantine_above_score
  const mustBeRisky = at.sharedScore > policy.quarantine_above_score
  const quarantined = mayBeRisky ? ['quarantined (risk_rejected)'] : []
  if (mustBeRisky) return quarantined
  if (minutesAhead > skewMinutes || minutesBefore > skewMinutes) return ['review (time_out_of_range)', ...quarantined]
  if (at.unseen > policy.max_offline_value_between_syncs) return ['review (unsynced_limit)', ...quarantined]
  if (amount > policy.require_manual_review_above) return ['review (amount_review)', ...quarantined]
  const looked = at.riskScore >= policy.accept_below_score ? ['review (risk_review)'] : []
  const accepted = at.sharedScore < policy.accept_below_score ? ['accepted'] : []
  return [...accepted, ...looked, ...quarantined]
}

/** The latest time that the payments prove; one that is dated ahead proves nothing. */
function lifted(floorMs: number, { initiatedAtMs }: Payment, policy: PolicyRow, nowMs: number): number {
  const isAhead = (initiatedAtMs - nowMs) / MINUTE_MS > policy.max_clock_skew_minutes
  return isAhead ? floorMs : Math.max(floorMs, Math.min(initiatedAtMs, nowMs))
}
