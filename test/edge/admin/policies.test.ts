import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { importHmacKey, signServiceCall } from '../../../src/crypto/hmac.ts'
import { forgetPolicies } from '../../../src/ingest/policy-cache.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import { decodeCbor } from '../../../src/protocol/cbor.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { policyFromCbor } from '../../../src/protocol/policy.ts'
import { dumpReadModel, type Queues, recordQueues } from '../../durable-objects/kit.ts'
import { bindings, fetchWith, keySet, ORIGIN, pushed, registered, SELF } from '../kit.ts'
import { admin, auditor, call, ok, pushPayments, refused, reviewer } from './kit.ts'

let queues: Queues
beforeAll(async () => {
  queues = await recordQueues()
})
beforeEach(() => forgetPolicies())

const newest = async (country: string): Promise<number> =>
  (await ok(call(auditor, 'GET', `/offline/policies/${country}/versions?limit=1`))).versions[0].version
const proposal = async (country: string, changes: object, over: object = {}) => ({
  ...{ country, based_on: await newest(country), reason: 'as agreed', changes },
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

  it('based on an old one is refused: nobody undoes what he has not seen', async () => {
    const stale = await proposal('ML', { max_relay_hours: 12 })
    await ok(call(admin, 'POST', '/offline/policies', stale), 201)
    const before = await dumpReadModel()
    await refused(call(admin, 'POST', '/offline/policies', stale), 'version_conflict')
    await refused(call(admin, 'POST', '/offline/policies', { ...stale, based_on: 99 }), 'version_conflict')
    expect(await dumpReadModel()).toBe(before)
  })

  it('ten at once based on the same: one of them', async () => {
    const body = await proposal('TG', { max_relay_hours: 11 })
    const answers = await Promise.all(Array.from({ length: 10 }, () => call(admin, 'POST', '/offline/policies', body)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, ...Array(9).fill(409)])
    expect(await newest('TG')).toBe(body.based_on + 1)
  })

  it('with an Idempotency-Key is made once, however often it is asked for; another request gets 409', async () => {
    const by = { ...admin, key: 'policy-once' }
    const body = await proposal('BF', { max_relay_hours: 10 })
    const answers = await Promise.all([1, 2, 3].map(() => ok(call(by, 'POST', '/offline/policies', body), 201)))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    await refused(call(by, 'POST', '/offline/policies', { ...body, reason: 'another' }), 'idempotency_conflict')
    expect(await newest('BF')).toBe(body.based_on + 1)
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
    const effective_at = Date.now() + 1_500
    const later = await ok(make('SN', { max_bundle_age_hours: 48 }, { effective_at }), 201)
    expect(await ok(call(auditor, 'GET', '/offline/policies/SN'))).toMatchObject({
      version: inForce,
      scheduled: [{ version: later.version, max_bundle_age_hours: 48 }],
    })
    await expect
      .poll(async () => (await ok(call(auditor, 'GET', '/offline/policies/SN'))).version, { timeout: 5_000 })
      .toBe(later.version)
    const never = await ok(make('SN', { max_bundle_age_hours: 24 }, { effective_at: Date.now() + 86_400_000 }), 201)
    const now = await ok(make('SN', { max_bundle_age_hours: 72 }), 201)
    expect(now.supersedes).toEqual([never.version])
    expect(await ok(call(auditor, 'GET', '/offline/policies/SN'))).toMatchObject({
      version: now.version,
      scheduled: [],
    })
    for (const effective_at of [Date.now() - 60_000, Date.now() + 400 * 86_400_000]) {
      await refused(make('SN', { enabled: true }, { effective_at }), 'invalid_request')
    }
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

describe('a dry run', () => {
  it('says what another policy would have decided, by reason, against what was decided; and changes nothing', async () => {
    const device = await registered({ country: 'TG' })
    const amounts = [500, 4_000, 9_000, 9_500]
    const payments = amounts.map((amount) => device.payment({ amount: amountMinor(amount) }))
    await pushPayments(device, payments.slice(0, 2), queues)
    await pushPayments(device, payments.slice(2), queues)
    const before = await dumpReadModel()
    const changes = { max_offline_amount: 9_200, require_payer_proof_above: 5_000, require_manual_review_above: 50_000 }
    const result = await ok(call(auditor, 'POST', '/offline/policies/dry-run', { country: 'TG', changes, days: 3 }))
    expect(result).toMatchObject({ devices: 1, bundles: 2, unopenable: 0, next_cursor: null })
    expect(
      result.payments.toSorted((a: { would: string }, b: { would: string }) => (a.would < b.would ? -1 : 1)),
    ).toEqual([
      { decided: 'accepted', would: 'accepted', count: 2, amount: 4_500 },
      { decided: 'accepted', would: 'refused', reason: 'payer_not_proven', count: 1, amount: 9_000 },
      { decided: 'accepted', would: 'refused', reason: 'limit_exceeded', count: 1, amount: 9_500 },
    ])
    expect(await dumpReadModel()).toBe(before)
  })

  it('counts a device’s day as the rules do, and says what would have gone to review', async () => {
    const device = await registered({ country: 'BF' })
    // Apart from each other as people pay: six in one second would be reviewed.
    const started = Math.floor(Date.now() / 1000) * 1000 - 6 * 20_000
    const payment = () => device.payment({ initiatedAtMs: started + device.counter * 20_000 })
    for (let i = 0; i < 3; i++) await pushPayments(device, [payment(), payment()], queues)
    const day = { max_offline_per_device_per_day: 4 }
    const limited = await ok(call(auditor, 'POST', '/offline/policies/dry-run', { country: 'BF', changes: day }))
    expect(limited.payments).toEqual([
      { decided: 'accepted', would: 'accepted', count: 4, amount: 10_000 },
      { decided: 'accepted', would: 'refused', reason: 'limit_exceeded', count: 2, amount: 5_000 },
    ])
    const review = { require_payer_proof_above: 1, require_agent_approval_above: 1, require_manual_review_above: 1 }
    const proof = await ok(call(auditor, 'POST', '/offline/policies/dry-run', { country: 'BF', changes: review }))
    expect(proof.payments).toMatchObject([{ would: 'refused', reason: 'payer_not_proven', count: 6 }])
  })

  it('says of times what the edge said: those before the registration need a person', async () => {
    const device = await registered({ country: 'CI' })
    const early = (hours: number) => ({ initiatedAtMs: Math.floor(Date.now() / 1000) * 1000 - hours * 3_600_000 })
    const payments = [device.payment(early(60)), device.payment(early(1)), device.payment()]
    await pushPayments(device, payments, queues)
    const result = await ok(
      call(auditor, 'POST', '/offline/policies/dry-run', { country: 'CI', changes: { max_bundle_age_hours: 80 } }),
    )
    expect(result.payments.toSorted((a: { count: number }, b: { count: number }) => a.count - b.count)).toEqual([
      { decided: 'accepted', would: 'accepted', count: 1, amount: 2_500 },
      { decided: 'review', would: 'review', reason: 'time_out_of_range', count: 2, amount: 5_000 },
    ])
  })

  it('goes on at its cursor, device by device', async () => {
    for (let i = 0; i < 3; i++) {
      const device = await registered({ country: 'BJ' })
      await pushPayments(device, [device.payment()], queues)
    }
    const changes = { max_offline_amount: 2_000, require_payer_proof_above: 1_000 }
    const all = await ok(call(auditor, 'POST', '/offline/policies/dry-run', { country: 'BJ', changes }))
    expect(all.devices).toBeGreaterThanOrEqual(3)
    expect(all.next_cursor).toBe(null)
    const sums = { devices: 0, bundles: 0, payments: new Map<string, number>() }
    let pages = 0
    for (let cursor: string | undefined; ; pages++) {
      const asked = { country: 'BJ', changes, limit: 1, ...(cursor !== undefined && { cursor }) }
      const part = await ok(call(auditor, 'POST', '/offline/policies/dry-run', asked))
      sums.devices += part.devices
      sums.bundles += part.bundles
      for (const { decided, would, reason, count } of part.payments) {
        const key = `${decided} ${would} ${reason}`
        sums.payments.set(key, (sums.payments.get(key) ?? 0) + count)
      }
      if (part.next_cursor === null) break
      // A page never begins where it began before.
      expect(part.next_cursor).not.toBe(cursor)
      cursor = part.next_cursor
    }
    expect(pages).toBeGreaterThanOrEqual(2)
    expect([sums.devices, sums.bundles]).toEqual([all.devices, all.bundles])
    expect(Object.fromEntries(sums.payments)).toEqual(
      Object.fromEntries(
        all.payments.map(({ decided, would, reason, count }: Record<string, unknown>) => [
          `${decided} ${would} ${reason}`,
          count,
        ]),
      ),
    )
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
