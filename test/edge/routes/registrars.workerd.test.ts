import { beforeEach, expect, it } from 'vitest'
import { ulidText } from '../../../src/protocol/ids.ts'
import { lostQueues, type Queues, select } from '../../durable-objects/device/kit.ts'
import { randomBytes, TestDevice } from '../../kit/device.ts'
import { keySet, registered, registration } from '../kit.ts'
import { admin, call, jwkOf, newDay, ok, proofBy, pushPayments, refused, reviewer, suite } from './kit.ts'

/** Whoever gave a device its key, or the right to bring one, does not decide about what it takes. */
let queues: Queues
beforeEach(async () => {
  queues = await lostQueues()
  await newDay()
})

/** A payment of the device waits, because of its date. @returns votes about it */
async function waiting(device: TestDevice) {
  queues.watch(device)
  await keySet()
  const initiatedAtMs = Math.floor(Date.now() / 1000) * 1000 + 50 * 60_000
  const made = await pushPayments(device, [device.payment({ initiatedAtMs })], queues)
  const path = `/offline/bundles/${ulidText(made.header.bundleId)}/review?device_id=${device.id}`
  return (who: object, choice = 'approve') => call(who, 'POST', path, { choice, payments: [1], reason: 'was seen' })
}

it('who registered it', async () => {
  const device = await TestDevice.create()
  await ok(call(admin, 'POST', '/offline/devices', await registration(device)), 201)
  const vote = await waiting(device)
  for (const choice of ['approve', 'reject']) await refused(vote(admin, choice), 'registrar_cannot_vote')
  await refused(vote({ ...admin, roles: ['pay_reviewer'] }), 'registrar_cannot_vote')
  // Nothing was taken down in the person's day either.
  await ok(vote(reviewer))
})

it('who made the code that it enrolled with', async () => {
  const device = await TestDevice.create()
  const body = { device_id: device.id, country: 'SN', tenant: 'molam', owner_wallet: device.ownerWallet }
  const { code } = await ok(call(admin, 'POST', '/offline/devices/enrolment-codes', body), 201)
  const proof = await proofBy(device.signer, device.id, 'POST', '/offline/enrol')
  await ok(call(undefined, 'POST', '/offline/enrol', { code, public_key: jwkOf(device.signer.key), proof }), 201)
  const vote = await waiting(device)
  await refused(vote(admin), 'registrar_cannot_vote')
  await ok(vote(reviewer))
  const [record] = await select<{ detail: string }>(device, "SELECT detail FROM audit WHERE action = 'device_enrolled'")
  expect(JSON.parse(record?.detail ?? '{}')).toMatchObject({ code_by: 'user:awa' })
})

it('who changed its key, beside who registered it', async () => {
  const device = await registered()
  const vote = await waiting(device)
  const path = `/offline/devices/${device.id}/keys`
  const next = await suite.es256Signer(randomBytes(32))
  const proof = await proofBy(next, device.id, 'POST', path)
  await ok(call(admin, 'POST', path, { public_key: jwkOf(next.key), proof }))
  await refused(vote(admin), 'registrar_cannot_vote')
  await refused(vote({ sub: 'ops-1', roles: ['pay_admin'] }), 'registrar_cannot_vote')
  await ok(vote(reviewer))
})
