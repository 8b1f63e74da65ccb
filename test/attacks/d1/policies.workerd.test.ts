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

  it('hides none that people made, however many there are: then the last known stays', async () => {
    await insertPolicy('TG', { enabled: false })
    const known = await inForce('TG')
    expect(known?.enabled).toBe(false)
    for (let version = 100; version < 140; version++) await writeD1(INSERT, 'TG', version, new Uint8Array([1]))
    expect((await policyFor(bindings, 'TG', firstVersion('TG').policy, Date.now() + 10_000)).enabled).toBe(false)
    forgetPolicies()
    expect(await inForce('TG'), 'a cold isolate does not say that it is the first').toBeUndefined()
    if (known === undefined) throw new Error('no policy')
    expect(await policyFor(bindings, 'TG', known, Date.now())).toEqual(known)
    await refused(
      call(admin, 'POST', '/offline/policies/TG/switch-off', { reason: 'fraud' }),
      'temporarily_unavailable',
    )
    await remove('version >= 100')
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
    expect(await alarms('policy_proposal', () => refused(confirm(id), 'not_found'))).toBe(1)
    expect(await newest('SN')).toBe(after_version)
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
})
