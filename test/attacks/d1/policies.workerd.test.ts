import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { signAsEdge } from '../../../src/crypto/sign1.ts'
import { webCryptoSuite } from '../../../src/crypto/webcrypto.ts'
import { configOf } from '../../../src/edge/config.ts'
import { forgetDevices } from '../../../src/edge/ingest/identity-cache.ts'
import { forgetPolicies, policiesInForce, policyFor, versionsNow } from '../../../src/edge/ingest/policy-cache.ts'
import { firstVersion } from '../../../src/protocol/first-policies.ts'
import { newUlid, ulidText } from '../../../src/protocol/ids.ts'
import { amountMinor } from '../../../src/protocol/money.ts'
import { COUNTRIES, type Country } from '../../../src/protocol/policy.ts'
import { encodePolicyVersion } from '../../../src/protocol/policy-version.ts'
import { recordQueues } from '../../durable-objects/device/kit.ts'
import { bindings, insertPolicy, keySet, pushed, registered, writePolicy } from '../../edge/kit.ts'
import { admin, auditor, call, ok, otherAdmin, refused } from '../../edge/routes/kit.ts'
import { randomBytes } from '../../kit/device.ts'
import { alarms, withoutTriggers, writeD1 } from './kit.ts'

/** Whoever can write to D1 moved 899 000 000 F by a row of `offline_policies`. Now nothing of it moves, and an alarm counts. */
const HUGE = 899_000_000
const DAY_AND_SYNC = { maxOfflineValuePerDevicePerDay: HUGE, maxOfflineValueBetweenSyncs: HUGE }
const INSERT = 'INSERT INTO offline_policies (country, version, signed) VALUES (?, ?, ?)'

beforeAll(async () => {
  await recordQueues()
})
beforeEach(() => forgetPolicies())
// Other files may find the same D1.
afterAll(async () => {
  for (const country of COUNTRIES) await insertPolicy(country, { enabled: true, max_offline_amount: 100_000 })
})

/** A version with huge limits, signed by a key of his own under the id of the edge's. */
async function forged(country: Country, version: number): Promise<Uint8Array> {
  const first = firstVersion(country)
  const policy = { ...first.policy, version, maxOfflineAmount: HUGE, ...DAY_AND_SYNC }
  const by = { proposedBy: 'user:awa', confirmedBy: 'user:moussa' }
  const { kid } = await (await configOf(bindings).keys()).receiptSigner()
  const own = await webCryptoSuite.es256Signer(randomBytes(32))
  return signAsEdge(own, kid, encodePolicyVersion({ ...first, ...by, policy }), 'molam-policy-v1')
}
/** As only he does it. */
async function remove(where: string): Promise<void> {
  const again = await withoutTriggers('offline_policies')
  await writeD1(`DELETE FROM offline_policies WHERE ${where}`)
  await again()
}
const newest = async (country: Country) => (await versionsNow(bindings, country))?.[0]?.policy.version ?? 0
const inForce = async (country: Country) => (await policiesInForce(bindings, Date.now())).get(country)

describe('a version that he inserts', () => {
  it('judges no payment: the version that the edge signed stays in force', async () => {
    const device = await registered({ country: 'CI' })
    const last = await newest('CI')
    await writeD1(INSERT, 'CI', last + 1, await forged('CI', last + 1))
    forgetPolicies()
    const big = device.payment({ amount: amountMinor(HUGE / 1000), sender: device.ownerWallet, receiver: 'W-HIS' })
    const { bundle } = await device.bundle([big], await keySet())
    let answer: Awaited<ReturnType<typeof pushed>> | undefined
    expect(
      await alarms('policy', async () => {
        answer = await pushed(bundle, { 'molam-policy-version': `${last}` })
      }),
    ).toBe(1)
    expect(answer?.receipt).toMatchObject({ policyVersion: last })
    expect(answer?.receipt.exceptions).toMatchObject([{ decision: 'refused', reason: 'limit_exceeded' }])
    expect(answer?.notice.policy, 'nor does a device hear of it').toBeUndefined()
    const { versions } = await ok(call(auditor, 'GET', '/offline/policies/CI/versions'))
    expect(versions[0].version, 'nor people').toBe(last)
    await remove(`country = 'CI' AND version > ${last}`)
  })

  it.each<[string, () => Promise<Uint8Array> | Uint8Array]>([
    ['is garbage', () => randomBytes(300)],
    ['is empty', () => new Uint8Array()],
    ['bears the signature of another version', async () => (await writePolicy('ML', { max_relay_hours: 1 })).signed],
    [
      'was changed after it was signed',
      async () => (await writePolicy('ML', { max_relay_hours: 2 })).signed.with(-90, 7),
    ],
    [
      'is signed by the edge, as something else',
      async () => {
        const { kid, signer } = await (await configOf(bindings).keys()).receiptSigner()
        const first = firstVersion('ML')
        const policy = { ...first.policy, version: 900, maxOfflineAmount: HUGE }
        const by = { proposedBy: 'user:awa', confirmedBy: 'user:moussa' }
        return signAsEdge(signer, kid, encodePolicyVersion({ ...first, ...by, policy }), 'molam-notice-v1')
      },
    ],
    [
      'says that one person made it alone, and is signed',
      async () => {
        const { kid, signer } = await (await configOf(bindings).keys()).receiptSigner()
        const first = firstVersion('ML')
        const policy = { ...first.policy, version: 900, maxOfflineAmount: HUGE }
        return signAsEdge(signer, kid, encodePolicyVersion({ ...first, policy }), 'molam-policy-v1')
      },
    ],
  ])('counts for nothing when it %s', async (_, bytes) => {
    const signed = await bytes()
    forgetPolicies()
    const before = await inForce('ML')
    await writeD1(INSERT, 'ML', 900, signed)
    forgetPolicies()
    expect(await alarms('policy', async () => expect(await inForce('ML')).toEqual(before))).toBe(1)
    await remove('version = 900')
  })

  it('hides none that people made, however many there are', async () => {
    await insertPolicy('TG', { enabled: false })
    const known = await inForce('TG')
    expect(known?.enabled).toBe(false)
    for (let version = 100; version < 140; version++) await writeD1(INSERT, 'TG', version, new Uint8Array([1]))
    expect((await policyFor(bindings, 'TG', firstVersion('TG').policy, Date.now() + 10_000)).enabled).toBe(false)
    forgetPolicies()
    expect(await inForce('TG'), 'a cold isolate asks the object of the country').toEqual(known)
    expect(await newest('TG')).toBe(known?.version)
    const left = await bindings.DB.prepare('SELECT COUNT(*) AS n FROM offline_policies WHERE version >= 100').first('n')
    expect(left, 'and takes them away, as many at a time as it looks at').toBe(0)
  })
})

describe('a version that people made', () => {
  it('stays in force when he deletes its row, which is written again', async () => {
    const { policy } = await writePolicy('BF', { enabled: false })
    expect((await inForce('BF'))?.enabled).toBe(false)
    await remove(`country = 'BF' AND version = ${policy.version}`)
    const laterMs = Date.now() + 10_000
    const first = firstVersion('BF').policy
    const lost = alarms('policy_lost', async () =>
      expect(await policyFor(bindings, 'BF', first, laterMs)).toEqual(policy),
    )
    expect(await lost).toBe(1)
    forgetPolicies()
    expect(await inForce('BF'), 'for isolates that never read it, too').toEqual(policy)
  })

  it('stays in force when he changes its bytes', async () => {
    const { policy } = await writePolicy('BF', { enabled: false })
    expect(await inForce('BF')).toEqual(policy)
    const again = await withoutTriggers('offline_policies')
    const sql = 'UPDATE offline_policies SET signed = ? WHERE country = ? AND version = ?'
    await writeD1(sql, await forged('BF', policy.version), 'BF', policy.version)
    await again()
    const first = firstVersion('BF').policy
    const laterMs = Date.now() + 10_000
    const count = alarms('policy', async () => expect(await policyFor(bindings, 'BF', first, laterMs)).toEqual(policy))
    expect(await count).toBe(1)
    await remove(`country = 'BF' AND version = ${policy.version}`)
  })

  it('is missed by whoever serves a device that was judged by it, and judges that device on', async () => {
    const device = await registered({ country: 'BJ' })
    await insertPolicy('BJ', { max_offline_amount: 1000 })
    const version = await newest('BJ')
    const judged = { policyVersion: version, exceptions: [{ reason: 'limit_exceeded' }] }
    const push = async () => (await pushed((await device.bundle([device.payment()], await keySet())).bundle)).receipt
    expect(await push()).toMatchObject(judged)
    await remove(`country = 'BJ' AND version = ${version}`)
    // An isolate that begins now: what it knows of the device is what its object says.
    forgetPolicies()
    forgetDevices()
    const lost = alarms('policy_lost', async () => expect(await push()).toMatchObject(judged))
    expect(await lost).toBe(1)
  })
})

describe('a version to come', () => {
  it('is made although rows of his stand in its place, which go with an alarm', async () => {
    const version = (await newest('CI')) + 1
    for (const next of [version, version + 1]) await writeD1(INSERT, 'CI', next, await forged('CI', next))
    const count = await alarms('policy', async () => {
      const made = await ok(call(admin, 'POST', '/offline/policies/CI/switch-off', { reason: 'fraud' }), 201)
      expect(made).toMatchObject({ version, enabled: false })
    })
    expect(count).toBe(2)
    forgetPolicies()
    expect(await inForce('CI')).toMatchObject({ version, enabled: false })
  })

  it('is known to isolates that begin after he deleted its row, which is written again with an alarm', async () => {
    const { version } = await ok(call(admin, 'POST', '/offline/policies/ML/switch-off', { reason: 'fraud' }), 201)
    await remove(`country = 'ML' AND version = ${version}`)
    forgetPolicies()
    const lost = alarms('policy_lost', async () =>
      expect(await inForce('ML')).toMatchObject({ version, enabled: false }),
    )
    expect(await lost).toBe(1)
    const again = await bindings.DB.prepare(
      'SELECT COUNT(*) AS n FROM offline_policies WHERE country = ? AND version = ?',
    )
    expect(await again.bind('ML', version).first('n')).toBe(1)
  })
})

describe('a proposal', () => {
  const propose = { country: 'SN', reason: 'as agreed', changes: { max_offline_amount: 60_000 } }
  const PROPOSALS = '/offline/policies/proposals'
  const confirm = (id: string) => call(otherAdmin, 'POST', `${PROPOSALS}/${id}/confirm`, { reason: 'agreed' })
  const made = async () => ok(call(admin, 'POST', PROPOSALS, { ...propose, after_version: await newest('SN') }), 201)

  it.each([
    [
      'limits',
      `changes = '{"max_offline_amount":${HUGE},"max_offline_value_per_device_per_day":${HUGE},"max_offline_value_between_syncs":${HUGE}}'`,
    ],
    ['changes that are none', "changes = 'x'"],
    ['its maker, to confirm it himself', "proposed_by = 'user:nobody'"],
    ['its country', "country = 'CI'"],
    ['its time', 'effective_at = 1'],
    ['its reason', "reason = 'the director wants it'"],
    ['what it rests on', 'after_version = after_version + 1, based_on = based_on + 1'],
  ])('of which he changes %s is none any more', async (_, set) => {
    const { id, after_version } = await made()
    await writeD1(`UPDATE offline_policy_proposals SET ${set} WHERE id = ?`, id)
    // What is put in force is what its maker wrote, which the object of the country keeps.
    const count = await alarms('policy_proposal', async () => {
      expect(await ok(confirm(id), 201)).toMatchObject({
        country: 'SN',
        version: after_version + 1,
        max_offline_amount: 60_000,
        proposed_by: 'user:awa',
      })
    })
    expect(count).toBeGreaterThan(0)
  })

  it('that he writes himself is none, nor under the MAC of another one', async () => {
    const { id } = await made()
    const other = ulidText(newUlid(Date.now(), randomBytes))
    await writeD1(
      `INSERT INTO offline_policy_proposals SELECT ?, country, after_version, based_on, changes, effective_at, reason,
        proposed_by, proposed_at, mac, state, decided_by, decided_at FROM offline_policy_proposals WHERE id = ?`,
      ...[other, id],
    )
    expect(await alarms('policy_proposal', () => refused(confirm(other), 'not_found'))).toBe(1)
    expect(await alarms('policy_proposal', () => ok(call(auditor, 'GET', `${PROPOSALS}?limit=1`)))).toBe(1)
  })
  const open = async () => {
    const { proposals } = await ok(call(auditor, 'GET', `${PROPOSALS}?country=SN&state=open`))
    return (proposals as { id: string }[]).map(({ id }) => id)
  }
  it.each([
    ['deletes', 'DELETE FROM offline_policy_proposals WHERE id = ?'],
    [
      'calls withdrawn',
      "UPDATE offline_policy_proposals SET state = 'withdrawn', decided_by = 'user:x', decided_at = 1 WHERE id = ?",
    ],
  ])('that he %s is shown all the same, and written again with an alarm', async (_, sql) => {
    const { id } = await made()
    const again = await withoutTriggers('offline_policy_proposals')
    await writeD1(sql, id)
    await again()
    expect(await alarms('hidden', async () => expect(await open()).toContain(id))).toBe(1)
    expect(await alarms('hidden', async () => expect(await open()).toContain(id))).toBe(0)
    await ok(confirm(id), 201)
    expect(await open()).not.toContain(id)
  })

  it('that was decided is not open again because he says so', async () => {
    const { id, after_version } = await made()
    const before = await bindings.DB.prepare('SELECT mac FROM offline_policy_proposals WHERE id = ?')
      .bind(id)
      .first('mac')
    await ok(call(admin, 'POST', `${PROPOSALS}/${id}/withdraw`, { reason: 'a mistake' }))
    const again = await withoutTriggers('offline_policy_proposals')
    const sql =
      "UPDATE offline_policy_proposals SET state = 'open', decided_by = NULL, decided_at = NULL, mac = ? WHERE id = ?"
    await writeD1(sql, before, id)
    await again()
    expect(await open()).not.toContain(id)
    await refused(confirm(id), 'state_conflict')
    expect(await newest('SN')).toBe(after_version)
  })
})
