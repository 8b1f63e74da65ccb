import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { importHmacKey, signServiceCall } from '../../../src/crypto/hmac.ts'
import { forgetPolicies } from '../../../src/edge/ingest/policy-cache.ts'
import { readPolicyInForce } from '../../../src/edge/store/policies.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import { decodeCbor } from '../../../src/protocol/cbor.ts'
import { policyFromCbor } from '../../../src/protocol/policy.ts'
import { dumpReadModel, recordQueues } from '../../durable-objects/device/kit.ts'
import { bindings, fetchWith, keySet, ORIGIN, pushed, registered, SELF } from '../kit.ts'
import { admin, auditor, call, ok, refused, reviewer } from './kit.ts'

beforeAll(async () => {
  await recordQueues()
})
beforeEach(() => forgetPolicies())

const newest = async (country: string): Promise<number> =>
  (await ok(call(auditor, 'GET', `/offline/policies/${country}/versions?limit=1`))).versions[0].version
const proposal = async (country: string, changes: object, over: object = {}) => ({
  ...{ country, after_version: await newest(country), reason: 'as agreed', changes },
  ...over,
})
const make = async (country: string, changes: object, over: object = {}) =>
  call(admin, 'POST', '/offline/policies', await proposal(country, changes, over))

describe('a new version', () => {
  it('is the version before with the changes, says who made it, and is in force at once', async () => {
    const before = await ok(call(reviewer, 'GET', '/offline/policies/CI'))
    const made = await ok(make('CI', { max_offline_amount: 60_000, review_two_people_above: 1 }), 201)
    const expected = { version: before.version + 1, max_offline_amount: 60_000, review_two_people_above: 1 }
    expect(made).toEqual({
      ...before,
      ...expected,
      created_by: 'user:awa',
      created_at: made.created_at,
      effective_at: made.effective_at,
      scheduled: undefined,
      supersedes: [],
    })
    expect(await ok(call(reviewer, 'GET', '/offline/policies/CI'))).toMatchObject(expected)
    const { results } = await bindings.DB.prepare("SELECT * FROM offline_audit_logs WHERE id = '~policy/CI/2'").all()
    expect(results).toMatchObject([{ actor: 'user:awa', action: 'policy_version_made', device_id: null, tenant: null }])
    expect(results[0]?.['detail']).toContain('max_offline_amount=60000')
  })

  it('after an old one is refused: nobody undoes what he has not seen', async () => {
    const stale = await proposal('ML', { max_relay_hours: 12 })
    await ok(call(admin, 'POST', '/offline/policies', stale), 201)
    const before = await dumpReadModel()
    await refused(call(admin, 'POST', '/offline/policies', stale), 'version_conflict')
    await refused(call(admin, 'POST', '/offline/policies', { ...stale, after_version: 99 }), 'version_conflict')
    expect(await dumpReadModel()).toBe(before)
  })

  it('ten at once after the same: one of them', async () => {
    const body = await proposal('TG', { max_relay_hours: 11 })
    const answers = await Promise.all(Array.from({ length: 10 }, () => call(admin, 'POST', '/offline/policies', body)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(9).fill(409)])
    expect(await newest('TG')).toBe(body.after_version + 1)
  })

  it('with an Idempotency-Key is made once, however often it is asked for; another request gets 409', async () => {
    const by = { ...admin, key: 'policy-once' }
    const body = await proposal('BF', { max_relay_hours: 10 })
    const answers = await Promise.all([1, 2, 3].map(() => ok(call(by, 'POST', '/offline/policies', body), 201)))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    await refused(call(by, 'POST', '/offline/policies', { ...body, reason: 'another' }), 'idempotency_conflict')
    expect(await newest('BF')).toBe(body.after_version + 1)
  })

  it('switches a country off, and on again', async () => {
    const device = await registered({ country: 'BJ' })
    await ok(make('BJ', { enabled: false }), 201)
    forgetPolicies()
    const refusedThen = await pushed((await device.bundle([device.payment()], await keySet())).bundle)
    expect(refusedThen.receipt.exceptions).toMatchObject([{ decision: 'refused', reason: 'country_disabled' }])
    await ok(make('BJ', { enabled: true }), 201)
    forgetPolicies()
    expect((await pushed((await device.bundle([device.payment()], await keySet())).bundle)).receipt.exceptions).toEqual(
      [],
    )
  })

  it('may be for later: shown as scheduled, in force from its time on, and superseded by one made meanwhile', async () => {
    const inForce = (await ok(call(auditor, 'GET', '/offline/policies/SN'))).version
    const effective_at = Date.now() + 3_600_000
    const later = await ok(make('SN', { max_bundle_age_hours: 48 }, { effective_at }), 201)
    expect(await ok(call(auditor, 'GET', '/offline/policies/SN'))).toMatchObject({
      version: inForce,
      scheduled: [{ version: later.version, max_bundle_age_hours: 48 }],
    })
    const versionAt = async (atMs: number) => (await readPolicyInForce(bindings.DB, 'SN', atMs))?.policy.version
    expect([await versionAt(effective_at - 1), await versionAt(effective_at)]).toEqual([inForce, later.version])
    const now = await ok(make('SN', { max_relay_hours: 23 }), 201)
    expect(now.supersedes).toEqual([later.version])
    expect(await ok(call(auditor, 'GET', '/offline/policies/SN'))).toMatchObject({
      version: now.version,
      scheduled: [],
    })
    for (const effective_at of [Date.now() - 60_000, Date.now() + 400 * 86_400_000]) {
      await refused(make('SN', { enabled: true }, { effective_at }), 'invalid_request')
    }
  })

  it('switched off and on again while another is scheduled puts nothing of that one into force', async () => {
    const before = await ok(call(auditor, 'GET', '/offline/policies/CI'))
    const wide = { max_offline_value_per_device_per_day: 5_000_000, max_offline_amount: 1_000_000 }
    const scheduled = await ok(make('CI', wide, { effective_at: Date.now() + 30 * 86_400_000 }), 201)
    const off = await ok(make('CI', { enabled: false }), 201)
    expect(off.supersedes).toEqual([scheduled.version])
    const on = await ok(make('CI', { enabled: true }), 201)
    const contents = ({ version, effective_at, created_at, created_by, scheduled, ...fields }: typeof before) => fields
    expect(contents(await ok(call(auditor, 'GET', '/offline/policies/CI')))).toEqual(contents(before))
    // Nor later: the newer version holds when its time comes.
    const monthsLater = await readPolicyInForce(bindings.DB, 'CI', Date.now() + 90 * 86_400_000)
    expect(monthsLater?.policy).toMatchObject({ version: on.version, maxOfflineAmount: before.max_offline_amount })
  })

  it('after a scheduled one is that one with the changes, and takes its place only from its own time on', async () => {
    const [hour, day] = [Date.now() + 3_600_000, Date.now() + 86_400_000]
    const first = await ok(make('TG', { max_relay_hours: 13 }, { effective_at: hour }), 201)
    const second = await ok(make('TG', { max_bundle_age_hours: 47 }, { effective_at: day }), 201)
    expect(second).toMatchObject({ max_relay_hours: 13, max_bundle_age_hours: 47, supersedes: [] })
    const earlier = await ok(make('TG', { max_clock_skew_minutes: 29 }, { effective_at: hour - 1 }), 201)
    expect(earlier).toMatchObject({ max_clock_skew_minutes: 29, max_bundle_age_hours: 72 })
    expect(earlier.max_relay_hours).not.toBe(13)
    expect(earlier.supersedes).toEqual([second.version, first.version])
    const { scheduled } = await ok(call(auditor, 'GET', '/offline/policies/TG'))
    expect(scheduled.map(({ version }: { version: number }) => version)).toEqual([earlier.version])
    await ok(make('TG', { max_relay_hours: 12 }), 201)
  })

  it('is for admins who see every tenant', async () => {
    const body = await proposal('CI', { max_relay_hours: 9 })
    await refused(call(reviewer, 'POST', '/offline/policies', body), 'forbidden')
    await refused(call({ ...admin, tenant: 'molam' }, 'POST', '/offline/policies', body), 'forbidden')
  })
})

describe('a policy that contradicts itself is refused', () => {
  it.each(
    Object.entries({
      'a payment above the day': { max_offline_amount: 500_001 },
      'a day below a payment': { max_offline_value_per_device_per_day: 10 },
      'payer proof above agent approval': { require_payer_proof_above: 50_001 },
      'agent approval above review': { require_agent_approval_above: 75_001 },
      'accept above quarantine': { accept_below_score: 0.36 },
      'relays longer than payments live': { max_relay_hours: 73 },
      'a clock that may be off by more than payments live': {
        max_bundle_age_hours: 23,
        max_relay_hours: 1,
        max_clock_skew_minutes: 1440,
      },
      'on without a method': { allowed_methods: [] },
      'on without an amount': { max_offline_amount: 0 },
      'on without a payment a day': { max_offline_per_device_per_day: 0 },
      'a method twice': { allowed_methods: ['qr', 'qr'] },
      'a zone that is none': { time_zone: 'Africa/Atlantis' },
    }),
  )('%s', async (_, changes) => {
    const before = await dumpReadModel()
    await refused(make('ML', changes), 'contradictory_policy')
    await refused(
      call(auditor, 'POST', '/offline/policies/dry-run', { country: 'ML', changes }),
      'contradictory_policy',
    )
    expect(await dumpReadModel()).toBe(before)
  })

  it('what is no value of its field is named by it', async () => {
    for (const [changes, field] of [
      [{ max_offline_amount: -1 }, 'max_offline_amount'],
      [{ max_offline_amount: 1.5 }, 'max_offline_amount'],
      [{ accept_below_score: 0.12345 }, 'accept_below_score'],
      [{ quarantine_above_score: 1.1 }, 'quarantine_above_score'],
      [{ currency: 'xof' }, 'currency'],
      [{ allowed_methods: ['cash'] }, 'allowed_methods'],
      [{ version: 9 }, 'changes'],
      [{}, 'changes'],
    ] as const) {
      const { detail } = await refused(make('ML', changes), 'invalid_request', JSON.stringify(changes))
      expect(detail).toContain(field)
    }
  })
})

it('the reconciler reads a version it has not; nobody else does', async () => {
  const key = await importHmacKey(fromBase64url(bindings.INTERNAL_HMAC_KEY))
  const get = async (path: string) => {
    const header = await signServiceCall(key, { method: 'GET', path, body: new Uint8Array() }, Date.now())
    return SELF.fetch(ORIGIN + path, { headers: { 'molam-service': header } })
  }
  const response = await get('/internal/policies/SN/1')
  expect(policyFromCbor(decodeCbor(await response.bytes()))).toMatchObject({ country: 'SN', version: 1 })
  await refused(get('/internal/policies/SN/999'), 'not_found')
  await refused(get('/internal/policies/SN/0'), 'not_found')
  await refused(call(admin, 'GET', '/internal/policies/SN/1'), 'unauthorized')
})

it('while D1 is down people are told to come again, and nothing is half done', async () => {
  const DB = {
    prepare: () => {
      throw new Error('D1_ERROR: down')
    },
    batch: () => Promise.reject(new Error('D1_ERROR: down')),
  } as never
  const { tokenOf } = await import('./kit.ts')
  const headers = { authorization: `Bearer ${await tokenOf(admin)}`, 'content-type': 'application/json' }
  for (const path of ['/offline/devices', '/offline/bundles', '/offline/reviews', '/offline/policies/SN']) {
    await refused(fetchWith({ DB }, path, { headers }), 'temporarily_unavailable', path)
  }
  const body = JSON.stringify(await proposal('SN', { enabled: false }))
  await refused(fetchWith({ DB }, '/offline/policies', { method: 'POST', headers, body }), 'temporarily_unavailable')
})
