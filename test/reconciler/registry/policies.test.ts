import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { newSecrets } from '../../../dev/secrets.ts'
import { verify } from '../../../reconciler/commands/verify.ts'
import { localKeys } from '../../../src/crypto/local-keys.ts'
import { signPolicyVersion } from '../../../src/crypto/policy-version.ts'
import { encodeCbor } from '../../../src/protocol/cbor.ts'
import { amountMinor, currency } from '../../../src/protocol/money.ts'
import { type Policy, policyToCbor } from '../../../src/protocol/policy.ts'
import type { TestDevice } from '../../kit/device.ts'
import { call, tamper } from '../commands/kit.ts'
import { useDatabase } from '../database.ts'
import { makeWorld, newWallet, type World } from '../kit.ts'

const db = useDatabase()
let world: World
let payer: string
let device: TestDevice
/** Each test has a version of its own. */
let version = 100
beforeAll(async () => {
  world = await makeWorld(db())
  payer = newWallet()
  await db().open(payer, 1_000_000)
})
beforeEach(async () => {
  version += 1
  world.network.fault = () => undefined
  device = await world.device()
  world.network.send(world.facts(device))
  await world.settle()
})
afterAll(() => world.close())

const path = () => `/internal/policies/BJ/${version}`
const policy = (over: Partial<Policy> = {}): Policy => ({
  country: 'BJ',
  version,
  enabled: true,
  currency: currency('XOF'),
  timeZone: 'Africa/Porto-Novo',
  maxOfflineAmount: 20_000,
  maxOfflinePerDevicePerDay: 10,
  maxOfflineValuePerDevicePerDay: 50_000,
  requirePayerProofAbove: 2000,
  requireAgentApprovalAbove: 5000,
  requireManualReviewAbove: 7500,
  allowedMethods: ['wallet', 'qr'],
  maxBundleAgeHours: 48,
  maxClockSkewMinutes: 15,
  maxRelayHours: 12,
  acceptBelowScore: 0.1234,
  quarantineAboveScore: 0.4321,
  maxDaysSinceSync: 3,
  personDailyValue: 123_456,
  maxOfflineValueBetweenSyncs: 654_321,
  mandatePaymentMax: 1_234,
  mandateDayMax: 4_321,
  allowanceMax: 43_210,
  ...over,
})
/** A bundle that was judged by this version. */
async function sendBundle(over: Parameters<TestDevice['payment']>[0] = {}): Promise<void> {
  const payments = [device.payment({ sender: payer, amount: amountMinor(1500), ...over })]
  const made = await device.bundle(payments, world.keySet)
  world.network.send(await world.admitMade(made, payments, { policyVersion: version }))
}
const outcomes = () => world.network.outcomes(device.id).map(({ status, reason }) => reason ?? status)
const stored = async () =>
  (await db().app.query("SELECT * FROM offline_policies WHERE country = 'BJ' AND version = $1", [version])).rows
const count = async () => (await db().app.query('SELECT FROM offline_policies')).rowCount
const waiting = async () => {
  const { rows } = await db().app.query(
    "SELECT waiting_for FROM offline_sync_queue WHERE device_id = $1 AND status = 'pending'",
    [device.id],
  )
  return rows.map(({ waiting_for }) => waiting_for)
}

test('a version that is not known here is fetched from the edge once, kept exactly, and on record', async () => {
  world.network.policies.set(path(), world.policy(policy()))
  const before = world.network.policyCalls
  await sendBundle()
  await world.settle()
  await sendBundle()
  await world.settle()
  expect(outcomes()).toEqual(['succeeded', 'succeeded'])
  expect(world.network.policyCalls).toBe(before + 1)
  expect(await stored()).toEqual([
    {
      country: 'BJ',
      version,
      enabled: true,
      currency: 'XOF',
      time_zone: 'Africa/Porto-Novo',
      max_offline_amount: 20_000,
      max_offline_per_device_per_day: 10,
      max_offline_value_per_device_per_day: 50_000,
      require_payer_proof_above: 2000,
      require_agent_approval_above: 5000,
      require_manual_review_above: 7500,
      allowed_methods: ['wallet', 'qr'],
      max_bundle_age_hours: 48,
      max_clock_skew_minutes: 15,
      max_relay_hours: 12,
      accept_below_score: 0.1234,
      quarantine_above_score: 0.4321,
      max_days_since_sync: 3,
      person_daily_value: 123_456,
      max_offline_value_between_syncs: 654_321,
      mandate_payment_max: 1_234,
      mandate_day_max: 4_321,
      allowance_max: 43_210,
      signed: Buffer.from(await (world.network.policies.get(path()) as Promise<Uint8Array>)),
    },
  ])
  const { rows } = await db().app.query(
    "SELECT count(*) AS n FROM offline_audit_logs WHERE stream = 'policy:BJ' AND detail ->> 'version' = $1",
    [String(version)],
  )
  expect(rows).toEqual([{ n: 1 }])
})

test('a version that is here is never fetched again, also by a new process, and never changed', async () => {
  world.network.policies.set(path(), world.policy(policy()))
  await sendBundle()
  await world.settle()
  world.network.policies.set(path(), world.policy(policy({ requirePayerProofAbove: 1_000_000 })))
  const before = world.network.policyCalls
  device.signsForPayers = false
  await sendBundle({ amount: amountMinor(2500) })
  await world.settle(await world.reconciler())
  expect(world.network.policyCalls).toBe(before)
  expect(outcomes()).toEqual(['succeeded', 'payer_not_proven'])
})

test.each([
  ['cannot be reached', () => Promise.reject()],
  ['answers 500', () => 500],
  ['answers 401', () => 401],
])('while the edge %s the bundle waits, others go on, and it is settled when the edge is back', async (_, answer) => {
  world.network.fault = (at) => {
    if (!at.startsWith('/internal/policies/')) return undefined
    const status = answer()
    if (typeof status === 'number') return status
    status.catch(() => undefined)
    throw new TypeError('fetch failed')
  }
  await sendBundle()
  const other = await world.device()
  world.network.send(world.facts(other), await world.admit(other, [other.payment({ sender: payer })]))
  await world.settle()
  expect(await waiting()).toEqual(['policy'])
  expect(outcomes()).toEqual([])
  expect(world.network.outcomes(other.id)).toMatchObject([{ status: 'succeeded' }])
  world.network.fault = () => undefined
  world.network.policies.set(path(), world.policy(policy()))
  await world.settle()
  expect(outcomes()).toEqual(['succeeded'])
})

/** As whoever can write to the edge's D1 would have it. */
const forged = async (over: Partial<Policy>): Promise<Uint8Array> => {
  const other = await localKeys(...(await otherSecrets()))
  const by = { proposedBy: 'user:awa', confirmedBy: 'user:moussa', confirmedAtMs: 0 }
  const version = { policy: policy(over), reviewTwoPeopleAbove: 50_000, effectiveAtMs: 0, ...by }
  return (await signPolicyVersion(version, other)).signed
}
const otherSecrets = async () => {
  const { EDGE_KEYS, KEY_WRAPPING_SECRET } = await newSecrets()
  return [EDGE_KEYS, KEY_WRAPPING_SECRET] as const
}

test.each<[string, () => Promise<Uint8Array> | Uint8Array | undefined]>([
  ['nothing: it does not know the version', () => undefined],
  ['another version', () => world.policy(policy({ version: version + 1000 }))],
  ['another country’s', () => world.policy(policy({ country: 'SN' }))],
  ['garbage', () => new Uint8Array([0xff, 1, 2])],
  ['a policy that nobody signed', () => encodeCbor(policyToCbor(policy()))],
  ['one that somebody else signed', () => forged({ maxOfflineAmount: 899_000_000 })],
  ['one that was changed after it was signed', async () => (await world.policy(policy())).with(-80, 0xff)],
  ['one that is cut short', async () => (await world.policy(policy())).slice(0, -3)],
  ['a zone that does not exist', () => world.policy(policy({ timeZone: 'Africa/Atlantis' }))],
  [
    'thresholds that contradict each other',
    () => world.policy(policy({ acceptBelowScore: 0.5, quarantineAboveScore: 0.2 })),
  ],
  ['a number that no column holds', () => world.policy(policy({ maxBundleAgeHours: 2 ** 40 }))],
])('when the edge answers with %s, nothing is recorded and the bundle waits', async (_, answer) => {
  const found = answer()
  const before = await count()
  if (found !== undefined) world.network.policies.set(path(), found)
  await sendBundle()
  await world.settle()
  expect(await waiting()).toEqual(['policy'])
  // It is verified and it is here: the edge need not send it again.
  expect(world.network.confirmed.at(-1)).toMatchObject({ kind: 'bundle_recorded', deviceId: device.id })
  expect(await count()).toBe(before)
  world.network.policies.set(path(), world.policy(policy()))
  await world.settle()
  expect(outcomes()).toEqual(['succeeded'])
})

test('a row of the book that the edge did not sign is none, whatever its columns say', async () => {
  await db().app.query(
    `INSERT INTO offline_policies (country, version, time_zone, max_offline_amount, signed)
     VALUES ('BJ', $1, 'Africa/Porto-Novo', 899000000, $2)`,
    [version, Buffer.from(await forged({ maxOfflineAmount: 899_000_000 }))],
  )
  world.network.policies.set(path(), world.policy(policy()))
  await sendBundle()
  await world.settle()
  expect(await waiting()).toEqual(['policy'])
  expect(outcomes()).toEqual([])
  await tamper(db().ownerUrl, `DELETE FROM offline_policies WHERE version = ${version}`)
  await world.settle()
  expect(outcomes()).toEqual(['succeeded'])
})

test('what is applied is what was signed, though the columns of its row say more', async () => {
  world.network.policies.set(path(), world.policy(policy()))
  await sendBundle()
  await world.settle()
  const change = (amount: number) =>
    tamper(db().ownerUrl, `UPDATE offline_policies SET max_offline_amount = ${amount} WHERE version = ${version}`)
  await change(899_000_000)
  await sendBundle({ amount: amountMinor(20_001) })
  await world.settle(await world.reconciler())
  expect(outcomes()).toEqual(['succeeded', 'limit_exceeded'])
  await change(20_000)
})

test('two reconcilers that fetch the same version at once keep one', async () => {
  world.network.policies.set(path(), world.policy(policy()))
  const workers = await Promise.all([1, 2, 3].map(() => world.reconciler()))
  for (let i = 0; i < 6; i++) await sendBundle()
  await Promise.all(workers.map((worker) => worker.once()))
  await world.settle()
  expect(await stored()).toHaveLength(1)
  expect(outcomes()).toEqual(Array(6).fill('succeeded'))
})

test.each([
  ['a country that is switched off', { enabled: false }, {}, 'country_disabled'],
  ['a method that is not allowed', {}, { method: 'ussd' }, 'method_not_allowed'],
  ['an amount above the most', {}, { amount: amountMinor(20_001) }, 'limit_exceeded'],
  ['an amount that needs the payer’s word', {}, { amount: amountMinor(2001) }, 'payer_not_proven'],
  ['another currency', { currency: currency('EUR') }, {}, 'currency_mismatch'],
  ['a payment that is too old', {}, { initiatedAtMs: Date.now() - 50 * 3_600_000 }, 'too_old'],
] as const)(
  'the rules of the bundle’s own version hold here too, whatever the edge accepted: %s',
  async (_, rules, payment, reason) => {
    world.network.policies.set(path(), world.policy(policy(rules)))
    device.signsForPayers = reason !== 'payer_not_proven'
    await sendBundle({ ...payment })
    await world.settle()
    expect(outcomes()).toEqual([reason])
  },
)

test('what the version gives to a person is held back here too, whatever the edge accepted', async () => {
  world.network.policies.set(
    path(),
    world.policy(policy({ requireAgentApprovalAbove: 20_000, requirePayerProofAbove: 20_000 })),
  )
  await sendBundle({ amount: amountMinor(7501) })
  await world.settle()
  expect(world.network.outcomes(device.id)).toMatchObject([{ status: 'review', reason: 'amount_review' }])
})

test('after all this the whole book is sound', async () => {
  const { code, output } = await call(verify, [], world)
  expect(output).toContain('the book is sound')
  expect(code).toBe(0)
})
