import { beforeAll, describe, expect, it } from 'vitest'
import { forgetDevices } from '../../../src/edge/ingest/identity-cache.ts'
import { COUNTRIES } from '../../../src/protocol/policy.ts'
import {
  age,
  deliverIndex,
  dumpObject,
  dumpReadModel,
  type Queues,
  recordQueues,
  select,
} from '../../durable-objects/device/kit.ts'
import { randomBytes, TestDevice } from '../../kit/device.ts'
import {
  bindings,
  expectRefusal,
  insertPolicy,
  keySet,
  ORIGIN,
  push,
  pushed,
  registered,
  registration,
} from '../kit.ts'
import { admin, auditor, call, jwkOf, ok, proofBy, pushPayments, refused, reviewer, suite } from './kit.ts'

let queues: Queues
beforeAll(async () => {
  queues = await recordQueues()
})

const reason = { reason: 'lost at the market' }
const path = (device: TestDevice, action = '') => `/offline/devices/${device.id}${action}`

describe('the list', () => {
  it('goes through all devices page by page, each once, whatever it is narrowed by', async () => {
    const tenant = `t-${crypto.randomUUID().slice(0, 8)}`
    const ids: string[] = []
    for (let i = 0; i < 7; i++) ids.push((await registered({ tenant, country: i % 2 ? 'SN' : 'CI' })).id)
    await deliverIndex(queues)
    const all = async (query: string) => {
      const found: string[] = []
      let cursor = ''
      for (;;) {
        const page = await ok(call(auditor, 'GET', `/offline/devices?limit=2&tenant=${tenant}${query}${cursor}`))
        found.push(...page.devices.map((device: { device_id: string }) => device.device_id))
        if (page.next_cursor === null) return found
        cursor = `&cursor=${page.next_cursor}`
      }
    }
    expect(await all('')).toEqual(ids.toSorted())
    expect(await all('&country=SN')).toHaveLength(3)
    expect(await all('&status=active')).toHaveLength(7)
    expect(await all('&status=revoked')).toEqual([])
  })

  it('takes no cursor but its own', async () => {
    for (const cursor of ['x', 'W10', 'e30', 'WzFd', 'WyJhIiwiYiJd', 'A'.repeat(600), 'W251bGxd']) {
      await refused(call(auditor, 'GET', `/offline/devices?cursor=${cursor}`), 'invalid_request', cursor)
    }
  })

  it('shows a person of a tenant that tenant only', async () => {
    const [own, other] = [await registered({ tenant: 'own' }), await registered({ tenant: 'other' })]
    await deliverIndex(queues)
    const page = await ok(call({ ...auditor, tenant: 'own' }, 'GET', '/offline/devices?limit=200'))
    const ids = page.devices.map((device: { device_id: string }) => device.device_id)
    expect(ids).toContain(own.id)
    expect(ids).not.toContain(other.id)
    await refused(call({ ...auditor, tenant: 'own' }, 'GET', '/offline/devices?tenant=other'), 'forbidden')
  })
})

it('one device shows its activity, its chain, its keys and what it owes, and no wallet', async () => {
  const device = await registered()
  await pushPayments(device, [device.payment(), device.payment()], queues)
  const shown = await ok(call(reviewer, 'GET', path(device)))
  expect(shown).toMatchObject({
    status: 'active',
    last_seq: 1,
    missing_seqs: [],
    missing_counters: [],
    contradictions: 0,
    older_keys: [],
    key: { alg: -7 },
    activity: [{ currency: 'XOF', count: 2, value: 5000 }],
    owed: { settle: 2 },
    reputation: 0.5,
  })
  expect(shown.last_push_at).toBeGreaterThan(Date.now() - 60_000)
  expect(JSON.stringify(shown)).not.toContain('W-')
})

it('the last push is the one that came last, also when it filled a hole', async () => {
  const device = await registered()
  const keys = await keySet()
  const late = await device.bundle([device.payment()], keys)
  await pushed((await device.bundle([device.payment()], keys)).bundle)
  await age(device, 3_600_000)
  const { receipt } = await pushed(late.bundle)
  expect((await ok(call(reviewer, 'GET', path(device)))).last_push_at).toBe(receipt.receivedAtMs)
})

describe('suspend, reactivate, revoke', () => {
  it('are what the device meets on its next push, with their reason in the audit log', async () => {
    const device = await registered()
    const bundle = async () => (await device.bundle([device.payment()], await keySet())).bundle
    expect(await ok(call(admin, 'POST', path(device, '/suspend'), reason))).toMatchObject({ status: 'suspended' })
    await expectRefusal(await push(await bundle()), 'device_suspended')
    await ok(call(admin, 'POST', path(device, '/reactivate'), reason))
    forgetDevices()
    await ok(call(admin, 'POST', path(device, '/revoke'), { reason: 'stolen from +221 77 123 45 67, a@b.sn' }))
    await expectRefusal(await push(await bundle()), 'device_revoked')
    const audit = await select(device, 'SELECT actor, action, detail FROM audit ORDER BY id')
    expect(audit.map(({ actor, action }) => `${actor} ${action}`)).toEqual([
      'user:ops-1 device_registered',
      'user:awa device_suspended',
      'user:awa device_active',
      'user:awa device_revoked',
    ])
    expect(audit[3]?.['detail']).toContain('"reason":"stolen from ***, ***"')
  })

  it('a reactivated device is taken again by an isolate that knew it as suspended', async () => {
    const device = await registered()
    const { bundle } = await device.bundle([device.payment()], await keySet())
    await ok(call(admin, 'POST', path(device, '/suspend'), reason))
    await expectRefusal(await push(bundle), 'device_suspended')
    await ok(call(admin, 'POST', path(device, '/reactivate'), reason))
    await expect.poll(async () => (await push(bundle)).status, { interval: 200 }).toBe(200)
  })

  it('a revoked device stays revoked; a repeat changes nothing', async () => {
    const device = await registered()
    for (let i = 0; i < 2; i++) await ok(call(admin, 'POST', path(device, '/revoke'), reason))
    const before = await dumpObject(device)
    await refused(call(admin, 'POST', path(device, '/reactivate'), reason), 'state_conflict')
    await refused(call(admin, 'POST', path(device, '/suspend'), reason), 'state_conflict')
    expect(await dumpObject(device)).toBe(before)
  })

  it('of a device that is not there, or another tenant’s, is 404 and leaves nothing', async () => {
    const device = await registered({ tenant: 'other' })
    const before = [await dumpObject(device), await dumpReadModel()]
    for (const action of ['/suspend', '/reactivate', '/revoke']) {
      await refused(call({ ...admin, tenant: 'own' }, 'POST', path(device, action), reason), 'not_found')
      await refused(call(admin, 'POST', `/offline/devices/NOBODY${action}`, reason), 'not_found')
    }
    expect([await dumpObject(device), await dumpReadModel()]).toEqual(before)
  })
})

describe('Idempotency-Key', () => {
  it('the same key and request: the same answer, one change; another request: 409', async () => {
    const device = await registered()
    const by = { ...admin, key: 'k-1' }
    const first = await ok(call(by, 'POST', path(device, '/suspend'), reason))
    await ok(call(admin, 'POST', path(device, '/reactivate'), reason))
    const before = await dumpObject(device)
    expect(await ok(call(by, 'POST', path(device, '/suspend'), reason))).toEqual(first)
    await refused(call(by, 'POST', path(device, '/suspend'), { reason: 'another' }), 'idempotency_conflict')
    await refused(call(by, 'POST', path(device, '/revoke'), reason), 'idempotency_conflict')
    expect(await dumpObject(device)).toBe(before)
    // Somebody else's key of the same name is another key.
    await ok(call({ ...by, sub: 'fatou' }, 'POST', path(device, '/suspend'), { reason: 'another' }))
  })

  it('a registration repeated with its key is 201 again; with another device’s facts it is refused', async () => {
    const [device, other] = [await TestDevice.create(), await TestDevice.create()]
    const by = { ...admin, key: `reg-${device.id}` }
    const body = await registration(device)
    const first = await ok(call(by, 'POST', '/offline/devices', body), 201)
    expect(await ok(call(by, 'POST', '/offline/devices', body), 201)).toEqual(first)
    await refused(call(by, 'POST', '/offline/devices', await registration(other)), 'idempotency_conflict')
    await refused(call(admin, 'GET', path(other)), 'not_found')
    expect(await select(device, 'SELECT action FROM audit')).toHaveLength(1)
  })

  it('a registration that was refused keeps nothing: put right, it is sent under the same key', async () => {
    const device = await TestDevice.create()
    const by = { ...admin, key: `reg-${device.id}` }
    const proof = await device.proof('POST', `${ORIGIN}/offline/devices`, { issuedAtMs: Date.now() - 3_600_000 })
    const taken = { device_id: (await registered()).id, proof: 'x' }
    for (const [wrong, code] of [
      [{ proof }, 'clock_skew'],
      [{ proof: await device.proof('POST', `${ORIGIN}/offline/enrol`) }, 'key_not_proven'],
      [taken, 'key_not_proven'],
    ] as const) {
      await refused(call(by, 'POST', '/offline/devices', await registration(device, wrong)), code)
    }
    const other = await registered()
    const theirs = await registration(other, { tenant: 'another' })
    await refused(call(by, 'POST', '/offline/devices', theirs), 'device_exists')
    const row = bindings.DB.prepare('SELECT 1 FROM offline_idempotency_keys WHERE key = ?').bind(by.key)
    expect((await row.all()).results).toEqual([])
    await ok(call(by, 'POST', '/offline/devices', await registration(device)), 201)
    await refused(call(by, 'POST', '/offline/devices', theirs), 'idempotency_conflict')
  })

  it('a repeated request gets the same answer when its proof is too old for a first one', async () => {
    const [device, late] = [await TestDevice.create(), await TestDevice.create()]
    const issuedAtMs = Date.now() - 20 * 60_000
    const aged = async (one: TestDevice) =>
      registration(one, { country: 'BJ', proof: await one.proof('POST', `${ORIGIN}/offline/devices`, { issuedAtMs }) })
    const by = { ...admin, key: `old-${device.id}` }
    const body = await aged(device)
    const first = await ok(call(by, 'POST', '/offline/devices', body), 201)
    const signer = await suite.es256Signer(randomBytes(32))
    const where = `${path(device)}/keys`
    const rotation = {
      public_key: jwkOf(signer.key),
      proof: await proofBy(signer, device.id, 'POST', where, { issuedAtMs }),
    }
    const rotating = { ...admin, key: 'rotated' }
    const rotated = await ok(call(rotating, 'POST', where, rotation))
    await insertPolicy('BJ', { max_clock_skew_minutes: 10 })
    const before = await dumpObject(device)
    expect(await ok(call(by, 'POST', '/offline/devices', body), 201)).toEqual(first)
    expect(await ok(call(rotating, 'POST', where, rotation))).toEqual(rotated)
    // Without the key it is a first one, and so is another request under it.
    await refused(call(admin, 'POST', '/offline/devices', body), 'clock_skew')
    await refused(call(admin, 'POST', where, rotation), 'clock_skew')
    await refused(call({ ...admin, key: 'first' }, 'POST', '/offline/devices', await aged(late)), 'clock_skew')
    expect(await dumpObject(device)).toBe(before)
  })

  it('is a person’s own for each device, and the document says so', async () => {
    const [one, other] = [await registered(), await registered()]
    const by = { ...admin, key: 'shared' }
    await ok(call(by, 'POST', path(one, '/suspend'), reason))
    await ok(call(by, 'POST', path(other, '/suspend'), { reason: 'another' }))
    const { paths } = await ok(call(undefined, 'GET', '/openapi.json'))
    const { parameters } = paths['/offline/devices/{device_id}/suspend'].post
    const header = parameters.find(({ name }: { name: string }) => name.toLowerCase() === 'idempotency-key')
    expect(header.description).toContain('for each device')
  })

  it('one at a time: ten at once make one change', async () => {
    const device = await registered()
    const by = { ...admin, key: 'at-once' }
    const all = await Promise.all(
      Array.from({ length: 10 }, () => ok(call(by, 'POST', path(device, '/suspend'), reason))),
    )
    expect(new Set(all.map((answer) => JSON.stringify(answer))).size).toBe(1)
    expect(await select(device, "SELECT 1 FROM audit WHERE action = 'device_suspended'")).toHaveLength(1)
    expect(await select(device, 'SELECT 1 FROM answers')).toHaveLength(1)
  })

  it('that is not one is refused', async () => {
    const device = await registered()
    for (const key of ['a b', 'é', 'x'.repeat(256)]) {
      await refused(call({ ...admin, key }, 'POST', path(device, '/suspend'), reason), 'invalid_request', key)
    }
  })
})

it('a push stays one call to the object and few rows, keys and votes included', async () => {
  const device = await registered({ country: COUNTRIES[1] })
  await pushed((await device.bundle([device.payment()], await keySet())).bundle)
  expect(await select(device, 'SELECT older_keys FROM device')).toEqual([{ older_keys: '[]' }])
  expect(await select(device, 'SELECT votes FROM bundles')).toEqual([{ votes: '[]' }])
})
