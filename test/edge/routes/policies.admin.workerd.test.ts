import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { importHmacKey, signServiceCall } from '../../../src/crypto/hmac.ts'
import { openPolicyVersion } from '../../../src/crypto/policy-version.ts'
import { configOf } from '../../../src/edge/config.ts'
import { forgetPolicies, policyNow, versionsNow } from '../../../src/edge/ingest/policy-cache.ts'
import { changeNow } from '../../../src/edge/policies/change.ts'
import { readProposal } from '../../../src/edge/store/policy-proposals.ts'
import { fromBase64url } from '../../../src/protocol/bytes.ts'
import { dumpReadModel, recordQueues } from '../../durable-objects/device/kit.ts'
import { bindings, fetchWith, keySet, ORIGIN, pushed, registered, SELF } from '../kit.ts'
import { admin, auditor, type Caller, call, ok, otherAdmin, putInForce, refused, reviewer } from './kit.ts'

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
const PROPOSALS = '/offline/policies/proposals'
const propose = async (country: string, changes: object, over: object = {}, by: Caller = admin) =>
  call(by, 'POST', PROPOSALS, await proposal(country, changes, over))
const confirm = (id: string, by: Caller = otherAdmin) =>
  call(by, 'POST', `${PROPOSALS}/${id}/confirm`, { reason: 'as agreed' })
const withdraw = (id: string, by: Caller = admin) =>
  call(by, 'POST', `${PROPOSALS}/${id}/withdraw`, { reason: 'a slip' })
const switchOff = (country: string, by: Caller = admin) =>
  call(by, 'POST', `/offline/policies/${country}/switch-off`, { reason: 'fraud' })
const make = async (country: string, changes: object, over: object = {}) =>
  putInForce(await proposal(country, changes, over))

describe('a proposal', () => {
  it('changes nothing until another person confirms it, and then takes force at once', async () => {
    const before = await ok(call(reviewer, 'GET', '/offline/policies/CI'))
    const changes = { max_offline_amount: 60_000, review_two_people_above: 1 }
    const proposed = await ok(propose('CI', changes), 201)
    expect(proposed).toMatchObject({
      ...{ country: 'CI', after_version: before.version, based_on: before.version, changes, effective_at: null },
      ...{ reason: 'as agreed', proposed_by: 'user:awa', state: 'open', decided_by: null, decided_at: null },
    })
    expect(await ok(call(reviewer, 'GET', '/offline/policies/CI'))).toEqual(before)
    expect((await ok(call(auditor, 'GET', `${PROPOSALS}?country=CI&state=open`))).proposals).toEqual([proposed])

    const made = await ok(confirm(proposed.id), 201)
    const { scheduled: _, ...old } = before
    expect(made).toEqual({
      ...{ ...old, ...changes, version: before.version + 1, supersedes: [] },
      ...{ proposed_by: 'user:awa', confirmed_by: 'user:moussa' },
      ...{ confirmed_at: made.confirmed_at, effective_at: made.confirmed_at },
    })
    const { supersedes: __, ...version } = made
    expect(await ok(call(reviewer, 'GET', '/offline/policies/CI'))).toEqual({ ...version, scheduled: [] })
    const [decided] = (await ok(call(auditor, 'GET', `${PROPOSALS}?country=CI`))).proposals
    expect(decided).toMatchObject({ id: proposed.id, state: 'in_force', decided_by: 'user:moussa' })
    const records = async (id: string) =>
      (await bindings.DB.prepare('SELECT * FROM offline_audit_logs WHERE id = ?').bind(id).all()).results
    const nobody = { device_id: null, tenant: null }
    const said = expect.stringContaining('max_offline_amount=60000')
    expect(await records(`~policy/${proposed.id}`)).toMatchObject([
      { ...nobody, actor: 'user:awa', action: 'policy_proposed', detail: said },
    ])
    expect(await records('~policy/CI/2')).toMatchObject([
      { ...nobody, actor: 'user:moussa', action: 'policy_version_made', detail: said },
    ])
  })

  it('is not confirmed by whoever made it, under any key or role', async () => {
    const { id } = await ok(propose('ML', { max_relay_hours: 20 }), 201)
    const before = await dumpReadModel()
    for (const by of [admin, { ...admin, key: 'again' }, { sub: 'awa', roles: ['pay_admin', 'pay_reviewer'] }]) {
      await refused(confirm(id, by), 'already_voted')
    }
    expect(await dumpReadModel()).toBe(before)
    await ok(withdraw(id))
  })

  it('made on an older version is stale: nobody undoes what he has not seen', async () => {
    const stale = await proposal('ML', { max_relay_hours: 12 })
    const { id } = await ok(call(admin, 'POST', PROPOSALS, stale), 201)
    await make('ML', { max_bundle_age_hours: 71 })
    const before = await dumpReadModel()
    await refused(confirm(id), 'version_conflict')
    await refused(call(admin, 'POST', PROPOSALS, stale), 'version_conflict')
    await refused(call(admin, 'POST', PROPOSALS, { ...stale, after_version: 99 }), 'version_conflict')
    expect(await dumpReadModel()).toBe(before)
  })

  it('is stale too when what was scheduled has come into force since', async () => {
    const soon = Date.now() + 60_000
    await make('BF', { max_relay_hours: 7 }, { effective_at: soon })
    const { id } = await ok(propose('BF', { max_bundle_age_hours: 70 }), 201)
    const asked = (await readProposal(bindings, id)) as NonNullable<Awaited<ReturnType<typeof readProposal>>>
    const versions = (await versionsNow(bindings, 'BF')) ?? []
    expect(changeNow(asked, versions, soon - 1)).toMatchObject({ ok: true })
    expect(changeNow(asked, versions, soon)).toMatchObject({ ok: false, error: { code: 'version_conflict' } })
    await ok(withdraw(id))
  })

  it('is withdrawn by its maker or by another, once, and then puts nothing in force', async () => {
    for (const by of [admin, otherAdmin]) {
      const { id } = await ok(propose('ML', { max_relay_hours: 19 }), 201)
      expect(await ok(withdraw(id, by))).toMatchObject({ id, state: 'withdrawn', decided_by: `user:${by.sub}` })
      const before = await dumpReadModel()
      await refused(confirm(id), 'state_conflict')
      await refused(withdraw(id, by), 'state_conflict')
      expect(await dumpReadModel()).toBe(before)
    }
    await refused(confirm('01JD3T4V8ZK6X9M2Q5W7Y0R1B3'), 'not_found')
  })

  it('confirmed ten times and withdrawn at once: one of it', async () => {
    const { id } = await ok(propose('TG', { max_relay_hours: 11 }), 201)
    const before = await newest('TG')
    const people = Array.from({ length: 10 }, (_, at) => ({ sub: `admin-${at}`, roles: ['pay_admin'] }))
    const answers = await Promise.all([...people.map((by) => confirm(id, by)), withdraw(id)])
    const won = answers.filter(({ status }) => status < 300)
    expect(won).toHaveLength(1)
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(10)
    const [{ state }] = (await ok(call(auditor, 'GET', `${PROPOSALS}?country=TG&limit=1`))).proposals
    expect(await newest('TG')).toBe(before + Number(state === 'in_force'))
  })

  it('of which there are two after the same version: one of them', async () => {
    const made = [
      await ok(propose('TG', { max_relay_hours: 3 }), 201),
      await ok(propose('TG', { max_relay_hours: 4 }), 201),
    ]
    const before = await newest('TG')
    const answers = await Promise.all(made.map(({ id }) => confirm(id)))
    expect(answers.map(({ status }) => status).toSorted()).toEqual([201, 409])
    expect(await newest('TG')).toBe(before + 1)
  })

  it('with an Idempotency-Key is made, and confirmed, once however often; another request gets 409', async () => {
    const [by, other] = [
      { ...admin, key: 'policy-once' },
      { ...otherAdmin, key: 'policy-once' },
    ]
    const body = await proposal('BJ', { max_relay_hours: 10 })
    const answers = await Promise.all([1, 2, 3].map(() => ok(call(by, 'POST', PROPOSALS, body), 201)))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    await refused(call(by, 'POST', PROPOSALS, { ...body, reason: 'another' }), 'idempotency_conflict')
    const confirmed = await Promise.all([1, 2, 3].map(() => ok(confirm(answers[0].id, other), 201)))
    expect(new Set(confirmed.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(await newest('BJ')).toBe(body.after_version + 1)
  })

  it('may be for later: shown as scheduled, in force from its time on, and superseded by one made meanwhile', async () => {
    const inForce = (await ok(call(auditor, 'GET', '/offline/policies/SN'))).version
    const effective_at = Date.now() + 3_600_000
    const later = await make('SN', { max_bundle_age_hours: 48 }, { effective_at })
    expect(later.effective_at).toBe(effective_at)
    expect(await ok(call(auditor, 'GET', '/offline/policies/SN'))).toMatchObject({
      version: inForce,
      scheduled: [{ version: later.version, max_bundle_age_hours: 48 }],
    })
    const versionAt = async (atMs: number) => (await policyNow(bindings, 'SN', atMs))?.policy.version
    expect([await versionAt(effective_at - 1), await versionAt(effective_at)]).toEqual([inForce, later.version])
    const now = await make('SN', { max_relay_hours: 23 })
    expect(now.supersedes).toEqual([later.version])
    expect(await ok(call(auditor, 'GET', '/offline/policies/SN'))).toMatchObject({
      version: now.version,
      scheduled: [],
    })
    for (const effective_at of [Date.now() - 60_000, Date.now() + 400 * 86_400_000]) {
      await refused(propose('SN', { enabled: true }, { effective_at }), 'invalid_request')
    }
  })

  it('after a scheduled one is that one with the changes, and takes its place only from its own time on', async () => {
    const [hour, day] = [Date.now() + 3_600_000, Date.now() + 86_400_000]
    const first = await make('TG', { max_relay_hours: 13 }, { effective_at: hour })
    const second = await make('TG', { max_bundle_age_hours: 47 }, { effective_at: day })
    expect(second).toMatchObject({ max_relay_hours: 13, max_bundle_age_hours: 47, supersedes: [] })
    const earlier = await make('TG', { max_clock_skew_minutes: 29 }, { effective_at: hour - 1 })
    expect(earlier).toMatchObject({ max_clock_skew_minutes: 29, max_bundle_age_hours: 72 })
    expect(earlier.max_relay_hours).not.toBe(13)
    expect(earlier.supersedes).toEqual([second.version, first.version])
    const { scheduled } = await ok(call(auditor, 'GET', '/offline/policies/TG'))
    expect(scheduled.map(({ version }: { version: number }) => version)).toEqual([earlier.version])
    await make('TG', { max_relay_hours: 12 })
  })

  it('is for admins who see every tenant', async () => {
    const body = await proposal('CI', { max_relay_hours: 9 })
    const { id } = await ok(call(admin, 'POST', PROPOSALS, body), 201)
    for (const by of [reviewer, { ...otherAdmin, tenant: 'molam' }]) {
      await refused(call(by, 'POST', PROPOSALS, body), 'forbidden')
      await refused(confirm(id, by), 'forbidden')
      await refused(withdraw(id, by), 'forbidden')
      await refused(switchOff('CI', by), 'forbidden')
    }
    await ok(withdraw(id))
  })

  it('is listed page by page, the newest first', async () => {
    const all = (await ok(call(auditor, 'GET', `${PROPOSALS}?limit=200`))).proposals
    const found: unknown[] = []
    let cursor = ''
    do {
      const page = await ok(call(auditor, 'GET', `${PROPOSALS}?limit=3${cursor}`))
      found.push(...page.proposals)
      cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`
    } while (cursor !== '')
    expect(found).toEqual(all)
    expect(all.length).toBeGreaterThan(6)
  })
})

describe('a country is switched off', () => {
  it('by one person at once, and on again by two', async () => {
    const device = await registered({ country: 'BJ' })
    const off = await ok(switchOff('BJ'), 201)
    expect(off).toMatchObject({ enabled: false, proposed_by: 'user:awa', confirmed_by: 'user:awa' })
    forgetPolicies()
    const refusedThen = await pushed((await device.bundle([device.payment()], await keySet())).bundle)
    expect(refusedThen.receipt.exceptions).toMatchObject([{ decision: 'refused', reason: 'country_disabled' }])
    await refused(switchOff('BJ'), 'state_conflict')
    const { id } = await ok(propose('BJ', { enabled: true }), 201)
    await refused(confirm(id, admin), 'already_voted')
    await ok(confirm(id), 201)
    forgetPolicies()
    expect((await pushed((await device.bundle([device.payment()], await keySet())).bundle)).receipt.exceptions).toEqual(
      [],
    )
  })

  it('and on again while another is scheduled: nothing of that one comes into force', async () => {
    const before = await ok(call(auditor, 'GET', '/offline/policies/CI'))
    const wide = {
      ...{ max_offline_value_per_device_per_day: 5_000_000, max_offline_amount: 1_000_000 },
      max_offline_value_between_syncs: 5_000_000,
    }
    const scheduled = await make('CI', wide, { effective_at: Date.now() + 30 * 86_400_000 })
    const off = await ok(switchOff('CI'), 201)
    expect(off.supersedes).toEqual([scheduled.version])
    const on = await make('CI', { enabled: true })
    const contents = ({ version, effective_at, proposed_by, confirmed_by, confirmed_at, ...fields }: typeof before) =>
      fields
    expect(contents(await ok(call(auditor, 'GET', '/offline/policies/CI')))).toEqual(contents(before))
    // Nor later: the newer version holds when its time comes.
    const monthsLater = await policyNow(bindings, 'CI', Date.now() + 90 * 86_400_000)
    expect(monthsLater?.policy).toMatchObject({ version: on.version, maxOfflineAmount: before.max_offline_amount })
  })

  it('once, however often the same request comes', async () => {
    const by = { ...admin, key: 'off-once' }
    const answers = await Promise.all([1, 2, 3].map(() => ok(switchOff('ML', by), 201)))
    expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
    await make('ML', { enabled: true })
  })
})

it('versions are listed page by page, down to the first', async () => {
  const numbers: number[] = []
  let cursor = ''
  do {
    const page = await ok(call(auditor, 'GET', `/offline/policies/CI/versions?limit=2${cursor}`))
    numbers.push(...page.versions.map(({ version }: { version: number }) => version))
    cursor = page.next_cursor === null ? '' : `&cursor=${page.next_cursor}`
  } while (cursor !== '')
  const last = await newest('CI')
  expect(last).toBeGreaterThan(3)
  expect(numbers).toEqual(Array.from({ length: last }, (_, at) => last - at))
})

describe('a policy that contradicts itself is refused', () => {
  it.each(
    Object.entries({
      'a payment above the day': { max_offline_amount: 500_001 },
      'a day below a payment': { max_offline_value_per_device_per_day: 10 },
      'a payment that no backlog holds': { max_offline_value_between_syncs: 10 },
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
    await refused(propose('ML', changes), 'contradictory_policy')
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
      const { detail } = await refused(propose('ML', changes), 'invalid_request', JSON.stringify(changes))
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
  const response = await get('/internal/policies/SN/2')
  const version = await openPolicyVersion(await response.bytes(), await configOf(bindings).trusted())
  expect(version).toMatchObject({ policy: { country: 'SN', version: 2 }, confirmedBy: 'user:moussa' })
  // The first ones are code: nobody signed them.
  await refused(get('/internal/policies/SN/1'), 'not_found')
  await refused(get('/internal/policies/SN/999'), 'not_found')
  await refused(get('/internal/policies/SN/0'), 'not_found')
  await refused(call(admin, 'GET', '/internal/policies/SN/2'), 'unauthorized')
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
  for (const [path, body] of [
    [PROPOSALS, await proposal('SN', { enabled: false })],
    [`${PROPOSALS}/01JD3T4V8ZK6X9M2Q5W7Y0R1B3/confirm`, { reason: 'as agreed' }],
    ['/offline/policies/SN/switch-off', { reason: 'fraud' }],
  ] as const) {
    const init = { method: 'POST', headers, body: JSON.stringify(body) }
    await refused(fetchWith({ DB }, path, init), 'temporarily_unavailable', path)
  }
})
