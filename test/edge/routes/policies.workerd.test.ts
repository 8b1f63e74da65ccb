import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { forgetPolicies, policiesInForce, policyFor } from '../../../src/edge/ingest/policy-cache.ts'
import type { KeySet } from '../../../src/protocol/keyset.ts'
import type { Policy } from '../../../src/protocol/policy.ts'
import { dumpObject, recordQueues } from '../../durable-objects/device/kit.ts'
import { TestDevice } from '../../kit/device.ts'
import {
  asPerson,
  bindings,
  expectRefusal,
  fetchWith,
  insertPolicy,
  keySet,
  pushed,
  pushInit,
  receiptOf,
  registered,
  registration,
  token,
  writePolicy,
} from '../kit.ts'

/** Policies come from D1, 10 s old at the most; while it cannot be read, the last known stay in force. */
let keys: KeySet
let restore: () => void
const down = { DB: d1That(() => Promise.reject(new Error('D1 is down'))) }

beforeAll(async () => {
  ;({ restore } = await recordQueues())
  keys = await keySet()
})
afterAll(() => restore())
beforeEach(() => forgetPolicies())

const reasons = async (device: TestDevice, over: Partial<typeof bindings> = {}) => {
  const made = await device.bundle([device.payment()], keys)
  const response = await fetchWith(over, '/offline/push', pushInit(made.bundle))
  return (await receiptOf(response)).receipt.exceptions.map(({ decision, reason }) => `${decision} ${reason}`)
}

describe('while D1 cannot be read', () => {
  it('a cold isolate judges by the policy that the device was last judged by', async () => {
    const device = await registered({ country: 'BF' })
    await insertPolicy('BF', { max_offline_amount: 1000 })
    expect(await reasons(device, down), 'the policy of its registration').toEqual([])
    forgetPolicies()
    expect(await reasons(device), 'the new one').toEqual(['refused limit_exceeded'])
    forgetPolicies()
    expect(await reasons(device, down), 'the new one, from the object').toEqual(['refused limit_exceeded'])
  })

  it('a warm isolate goes on with what it read', async () => {
    const device = await registered()
    const held = await policyFor(bindings, 'SN', NONE, Date.now())
    expect(await policyFor({ ...bindings, ...down }, 'SN', NONE, Date.now() + 10_000)).toEqual(held)
    expect(await reasons(device, down)).toEqual([])
  })

  it('a push waits for it once in 10 s, not each time', async () => {
    let reads = 0
    const db = d1That(() => {
      reads++
      return Promise.reject(new Error('D1 is down'))
    })
    for (let ms = 0; ms < 10_000; ms += 1000) await policyFor({ ...bindings, DB: db }, 'SN', NONE, 1_000_000 + ms)
    expect(reads).toBe(1)
    await policyFor({ ...bindings, DB: db }, 'SN', NONE, 1_010_000)
    expect(reads).toBe(2)
  })

  it('one request that hangs in it, as one whose client went away, holds up no other', async () => {
    const hangs = d1That(() => new Promise(() => {}))
    const hanging = policyFor({ ...bindings, DB: hangs }, 'SN', NONE, Date.now())
    expect((await policyFor(bindings, 'SN', NONE, Date.now())).version).toBeGreaterThan(0)
    expect((await hanging).country, 'and has its answer in the end').toBe('SN')
  })

  it('nothing is registered and no policy is shown: try again later', async () => {
    const headers = { authorization: `Bearer ${await token(['pay_admin'])}` }
    await expectRefusal(await fetchWith(down, '/offline/policies', { headers }), 'temporarily_unavailable')
    const device = await TestDevice.create()
    const body = JSON.stringify(await registration(device))
    const init = { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body }
    forgetPolicies()
    await expectRefusal(await fetchWith(down, '/offline/devices', init), 'temporarily_unavailable')
  })
})

describe('a new version', () => {
  it('is in force when 10 s are over, and not before', async () => {
    const startMs = Date.now()
    const { version } = await policyFor(bindings, 'CI', NONE, startMs)
    await writePolicy('CI', { enabled: false })
    const old = { enabled: true, version }
    expect(await policyFor(bindings, 'CI', NONE, startMs)).toMatchObject(old)
    expect(await policyFor(bindings, 'CI', NONE, startMs + 9_999)).toMatchObject(old)
    expect(await policyFor(bindings, 'CI', NONE, startMs + 10_000)).toMatchObject({
      enabled: false,
      version: version + 1,
    })
    await insertPolicy('CI', { enabled: true })
  })

  it('switches a country off: bundles are kept, their payments are refused', async () => {
    const device = await registered({ country: 'CI' })
    await insertPolicy('CI', { enabled: false })
    expect(await reasons(device)).toEqual(['refused country_disabled'])
    expect(await dumpObject(device)).toContain('country_disabled')
  })

  it('that comes into force later is not in force now', async () => {
    const before = await policyFor(bindings, 'CI', NONE, Date.now())
    await insertPolicy('CI', { max_offline_amount: 1 }, Date.now() + 3_600_000)
    expect(await policyFor(bindings, 'CI', NONE, Date.now())).toEqual(before)
    expect((await policiesInForce(bindings, Date.now() + 3_600_001)).get('CI')?.maxOfflineAmount).toBe(1)
  })

  it('that the object has seen is not taken back by an isolate that has not', async () => {
    const newer = { ...(await policyFor(bindings, 'SN', NONE, Date.now())), version: 99, maxOfflineAmount: 7 }
    expect(await policyFor(bindings, 'SN', newer, Date.now())).toBe(newer)
  })

  it('reaches a device that has an older one, and not one that has it', async () => {
    const device = await registered({ country: 'TG' })
    await insertPolicy('TG', { max_offline_amount: 4321 })
    const made = await device.bundle([device.payment()], keys)
    const { notice } = await pushed(made.bundle, { 'molam-policy-version': '1' })
    expect(notice.policy).toMatchObject({ version: 2, maxOfflineAmount: 4321 })
    expect((await pushed(made.bundle, { 'molam-policy-version': '2' })).notice.policy).toBeUndefined()
  })
})

it('the six countries have the product’s defaults from the first, each in its own time zone', async () => {
  const zones = { SN: 'Dakar', CI: 'Abidjan', ML: 'Bamako', BF: 'Ouagadougou', TG: 'Lome', BJ: 'Porto-Novo' }
  for (const [country, city] of Object.entries(zones)) {
    const versions = await asPerson('GET', `/offline/policies/${country}/versions?limit=200`)
    const { versions: all } = (await versions.json()) as { versions: unknown[] }
    expect(all.at(-1)).toEqual({
      ...{ country, version: 1, enabled: true, currency: 'XOF', time_zone: `Africa/${city}` },
      max_offline_amount: 100_000,
      max_offline_per_device_per_day: 50,
      max_offline_value_per_device_per_day: 500_000,
      require_payer_proof_above: 10_000,
      require_agent_approval_above: 50_000,
      require_manual_review_above: 75_000,
      allowed_methods: ['wallet', 'qr', 'ussd'],
      ...{ max_bundle_age_hours: 72, max_clock_skew_minutes: 30, max_relay_hours: 24 },
      ...{ accept_below_score: 0.15, quarantine_above_score: 0.35, max_days_since_sync: 4 },
      person_daily_value: 200_000,
      max_offline_value_between_syncs: 750_000,
      mandate_payment_max: 2_000,
      mandate_day_max: 5_000,
      allowance_max: 50_000,
      ...{ review_two_people_above: 50_000, effective_at: 0 },
      ...{ proposed_by: 'molam', confirmed_by: 'molam', confirmed_at: 0 },
    })
  }
})

it('people read one country’s policy, or all', async () => {
  const one = await asPerson('GET', '/offline/policies/SN', undefined, ['pay_auditor'])
  expect(await one.json()).toMatchObject({
    country: 'SN',
    time_zone: 'Africa/Dakar',
    require_payer_proof_above: 10_000,
  })
  const { policies } = (await (await asPerson('GET', '/offline/policies')).json()) as { policies: unknown[] }
  expect(policies).toHaveLength(6)
  await expectRefusal(await asPerson('GET', '/offline/policies/XX'), 'not_found')
})

/** What a caller holds that has no policy. */
const NONE = { country: 'SN', version: 0 } as Policy

/** A D1 whose every read goes this way. */
function d1That(read: () => Promise<unknown>): D1Database {
  const statement = { bind: () => statement, all: read, raw: read, first: read, run: read }
  return { prepare: () => statement, batch: read } as unknown as D1Database
}
