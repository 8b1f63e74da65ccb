import { beforeAll, describe, expect, it } from 'vitest'
import { codeHash, enrolmentCode, sealWithCode } from '../../../src/crypto/enrolment-code.ts'
import { walletAad } from '../../../src/edge/enrolment/code.ts'
import { newUlid, ulidText } from '../../../src/protocol/ids.ts'
import { recordQueues, stubOf } from '../../durable-objects/device/kit.ts'
import { bindings, ORIGIN } from '../../edge/kit.ts'
import { admin, call, ok, refused } from '../../edge/routes/kit.ts'
import { randomBytes, TestDevice } from '../../kit/device.ts'
import { alarms, writeD1 } from './kit.ts'

/** Whoever can write to D1 registers no device, and none for another wallet than the administrator named. */
beforeAll(async () => {
  await recordQueues()
})

async function codeFor({ id, ownerWallet }: TestDevice): Promise<string> {
  const body = { device_id: id, country: 'SN', tenant: 'molam', owner_wallet: ownerWallet }
  return (await ok(call(admin, 'POST', '/offline/devices/enrolment-codes', body), 201)).code
}
const enrol = async (device: TestDevice, code: string) => {
  const proof = await device.proof('POST', `${ORIGIN}/offline/enrol`)
  return call(undefined, 'POST', '/offline/enrol', { code, public_key: device.jwk(), proof })
}
const isRegistered = async ({ id }: TestDevice) => (await stubOf({ id }).describe()).ok

describe('a code that an administrator made', () => {
  it.each<[string, (code: string, device: TestDevice, row: string) => Promise<[string, unknown]>]>([
    [
      'its wallet',
      async (code, { id }, row) => ['sealed_wallet', await sealWithCode(code, 'W-HIS', walletAad(row, id))],
    ],
    ['its hash, to one of a code that he knows', async () => ['code_hash', await codeHash('0000-0000-0000-0000')]],
    ['its country', async () => ['country', 'CI']],
    ['its tenant', async () => ['tenant', 'other']],
    ['its end', async () => ['expires_at', 9e12]],
    ['when it was made', async () => ['created_at', 1]],
    ['who made it', async () => ['created_by', 'user:nobody']],
  ])('of which he changes %s enrols nothing', async (_, change) => {
    const device = await TestDevice.create()
    const code = await codeFor(device)
    const id = await rowOf(device)
    const [column, value] = await change(code, device, id)
    await writeD1(`UPDATE offline_enrolment_codes SET ${column} = ? WHERE id = ?`, value, id)
    const tried = column === 'code_hash' ? '0000-0000-0000-0000' : code
    const count = await alarms('enrolment_code', async () => refused(enrol(device, tried), 'enrolment_code_invalid'))
    expect(count).toBe(1)
    expect(await isRegistered(device)).toBe(false)
  })

  it('enrols all the same when he writes another one above it', async () => {
    const device = await TestDevice.create()
    const code = await codeFor(device)
    await forge(device)
    const count = await alarms('enrolment_code', async () => {
      expect((await enrol(device, code)).status).toBe(201)
    })
    expect(count).toBeGreaterThan(0)
  })
})

it('a code that he writes himself enrols nothing', async () => {
  const device = await TestDevice.create()
  const code = await forge(device)
  expect(await alarms('enrolment_code', () => refused(enrol(device, code), 'enrolment_code_invalid'))).toBe(1)
  expect(await isRegistered(device)).toBe(false)
})

const rowOf = async ({ id }: TestDevice): Promise<string> => {
  const sql = 'SELECT id FROM offline_enrolment_codes WHERE device_id = ? ORDER BY id DESC'
  return (await bindings.DB.prepare(sql).bind(id).first<string>('id')) ?? ''
}

/** Everything as it should be, but for what only the edge can write. */
async function forge({ id: deviceId }: TestDevice): Promise<string> {
  const id = ulidText(newUlid(Date.now() + 60_000, randomBytes))
  const own = await crypto.subtle.importKey('raw', randomBytes(32), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  const code = await enrolmentCode(own, id)
  const sealed = await sealWithCode(code, 'W-HIS', walletAad(id, deviceId))
  await writeD1(
    `INSERT INTO offline_enrolment_codes (id, device_id, code_hash, country, tenant, sealed_wallet, created_at, expires_at,
      created_by, mac) VALUES (?, ?, ?, 'SN', 'molam', ?, ?, ?, 'user:awa', ?)`,
    ...[id, deviceId, await codeHash(code), sealed, Date.now(), Date.now() + 3_600_000, 'A'.repeat(43)],
  )
  return code
}
